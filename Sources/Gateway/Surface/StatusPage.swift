import Wire

/// `/`: the cluster on one page, for people, on screens of any width, in the light and in the dark.
///
/// The page is complete as it is sent; a script then keeps it up to date from the cluster's WebSocket, where the browser
/// runs scripts. Workers choose their names, so nothing of theirs is ever markup: it is escaped here, set as text there,
/// and the page's policy lets no other script run.
package struct StatusPage: Sendable {
    package let html: String
    /// The `Content-Security-Policy` to send with it.
    package let policy: String

    /// - Parameter nonce: fresh for each page; marks the style and the script as the page's own.
    package init(_ documents: ClusterDocuments, nonce: String) {
        self.init(documents, nonce: nonce, isLocked: false)
    }

    /// The page for browsers that show no token: it tells nothing, asks for a token, and then follows the WebSocket
    /// with it.
    ///
    /// - Parameter nonce: as above.
    package static func locked(nonce: String) -> StatusPage {
        StatusPage(nil, nonce: nonce, isLocked: true)
    }

    private init(_ documents: ClusterDocuments?, nonce: String, isLocked: Bool) {
        policy =
            "default-src 'none'; style-src 'nonce-\(nonce)'; script-src 'nonce-\(nonce)'; connect-src 'self'; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        html = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>SIE gateway</title>
            <style nonce="\(nonce)">\(Self.style)</style>
            </head>
            <body>
            \(Self.header(documents))
            <form id="lock"\(isLocked ? "" : " hidden")>
            <h2>This gateway asks for a token</h2>
            <p>It stays in this tab and is sent to this gateway alone.</p>
            <label for="token">Access token</label>
            <div class="entry"><input id="token" type="password" autocomplete="off" spellcheck="false" required>
            <button>Open</button></div>
            <p id="refusal" role="alert"></p>
            </form>
            <main id="board"\(isLocked ? " hidden" : "")>
            \(Self.figures(documents))
            \(Self.workers(documents))
            \(Self.models(documents))
            </main>
            <footer><span>sie-gateway \(ProductVersion.current)</span>
            <nav><a href="/health">Health</a><a href="/metrics">Metrics</a><a href="/v1/models">Models</a>\
            <a href="\(ClusterStream.path)">Live feed</a></nav></footer>
            <script nonce="\(nonce)">\(Self.script)</script>
            </body>
            </html>

            """
    }

    private static func header(_ documents: ClusterDocuments?) -> String {
        let word = documents.map { $0.fleet.cluster.workerCount > 0 ? "healthy" : "degraded" } ?? "locked"
        return """
            <header>
            <svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><path d="M3 17h4V9H3zm7 4h4V3h-4zm7-6h4v-4h-4z"/></svg>
            <h1>SIE gateway</h1>
            <span id="status" class="pill \(word)">\(word)</span>
            <span id="live" role="status"></span>
            </header>
            """
    }

    private static func figures(_ documents: ClusterDocuments?) -> String {
        let cluster = documents?.fleet.cluster
        let figures = [
            ("workers", "Workers", "\(cluster?.workerCount ?? 0)"), ("gpus", "GPUs", "\(cluster?.gpuCount ?? 0)"),
            ("loaded", "Models loaded", "\(cluster?.modelsLoaded ?? 0)"),
            ("qps", "QPS", oneDecimal(documents?.requestsPerSecond ?? 0)),
        ].map { id, label, value in
            let trend =
                id == "qps"
                ? "<svg viewBox=\"0 0 59 20\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
                    + "<polyline id=\"trend\" points=\"\"/></svg>" : ""
            return "<li><span>\(label)</span><b id=\"\(id)\">\(value)</b>\(trend)</li>"
        }
        return "<ul class=\"figures\">\n\(figures.joined(separator: "\n"))\n</ul>"
    }

    private static func workers(_ documents: ClusterDocuments?) -> String {
        let rows = documents?.fleet.workers.map { worker in
            "<tr><td data-label=\"Name\"><b>\(escaped(worker.name))</b></td>"
                + "<td data-label=\"URL\">\(escaped(worker.url))</td>"
                + "<td data-label=\"GPU\">\(escaped(worker.machineProfile))</td>"
                + "<td data-label=\"Bundle\">\(escaped(worker.bundle))</td>"
                + "<td data-label=\"State\"><span class=\"pill \(worker.state.rawValue)\">\(worker.state.rawValue)</span>"
                + "</td><td data-label=\"Queue\">\(worker.queueDepth)</td></tr>"
        }
        return table(
            "Workers", id: "worker-rows", columns: ["Name", "URL", "GPU", "Bundle", "State", "Queue"], rows ?? [],
            whenEmpty: "No worker has reported yet. Requests are answered once one does.")
    }

    private static func models(_ documents: ClusterDocuments?) -> String {
        let rows = documents?.fleet.models.map { model in
            "<tr><td data-label=\"Model\"><b>\(escaped(model.name))</b></td>"
                + "<td data-label=\"GPUs\">\(escaped(model.gpuTypes.joined(separator: ", ")))</td>"
                + "<td data-label=\"Workers\">\(model.workerURLs.count)</td>"
                + "<td data-label=\"Queue\">\(model.totalQueueDepth)</td></tr>"
        }
        return table(
            "Models", id: "model-rows", columns: ["Model", "GPUs", "Workers", "Queue"], rows ?? [],
            whenEmpty: "No model is loaded. Workers load a model with the first request for it.")
    }

    /// Cells carry their column's name, which narrow screens show beside the value.
    private static func table(
        _ title: String, id: String, columns: [String], _ rows: [String], whenEmpty: String
    ) -> String {
        let heads = columns.map { "<th data-label=\"\($0)\">\($0)</th>" }.joined()
        return """
            <section>
            <h2>\(title)</h2>
            <table>
            <thead><tr>\(heads)</tr></thead>
            <tbody id="\(id)">
            \(rows.joined(separator: "\n"))
            </tbody>
            </table>
            <p class="empty"\(rows.isEmpty ? "" : " hidden")>\(whenEmpty)</p>
            </section>
            """
    }

    /// Text as it may stand between tags and in quoted attributes.
    package static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func oneDecimal(_ number: Double) -> String {
        let tenths = (min(max(number, 0), 1e12) * 10).rounded()
        return "\(Int64(tenths) / 10).\(Int64(tenths) % 10)"
    }
}
