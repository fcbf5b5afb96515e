/// `/`: the cluster on one page, for people, on screens of any width.
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
        policy =
            "default-src 'none'; style-src 'nonce-\(nonce)'; script-src 'nonce-\(nonce)'; connect-src 'self'; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        let cluster = documents.fleet.cluster
        let isHealthy = cluster.workerCount > 0
        let figures = [
            ("workers", "Workers", "\(cluster.workerCount)"), ("gpus", "GPUs", "\(cluster.gpuCount)"),
            ("loaded", "Models loaded", "\(cluster.modelsLoaded)"),
            ("qps", "QPS", Self.oneDecimal(documents.requestsPerSecond)),
        ].map { id, label, value in "<li>\(label): <b id=\"\(id)\">\(value)</b></li>" }.joined(separator: "\n")
        let workers = documents.fleet.workers.map { worker in
            Self.row([
                ("Name", worker.name), ("URL", worker.url), ("GPU", worker.machineProfile), ("Bundle", worker.bundle),
                ("State", worker.state.rawValue), ("Queue", "\(worker.queueDepth)"),
            ])
        }.joined(separator: "\n")
        let models = documents.fleet.models.map { model in
            Self.row([("Model", model.name), ("Workers", "\(model.workerURLs.count)")])
        }.joined(separator: "\n")
        html = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>SIE gateway</title>
            <style nonce="\(nonce)">\(Self.style)</style>
            </head>
            <body>
            <h1>SIE gateway <span id="status" class="\(isHealthy ? "healthy" : "degraded")">\
            \(isHealthy ? "healthy" : "degraded")</span></h1>
            <ul class="figures">
            \(figures)
            </ul>
            <h2>Workers</h2>
            <table>
            <thead><tr><th>Name</th><th>URL</th><th>GPU</th><th>Bundle</th><th>State</th><th>Queue</th></tr></thead>
            <tbody id="worker-rows">
            \(workers)
            </tbody>
            </table>
            <h2>Models</h2>
            <table>
            <thead><tr><th>Model</th><th>Workers</th></tr></thead>
            <tbody id="model-rows">
            \(models)
            </tbody>
            </table>
            <p><a href="/health">health</a> <a href="/metrics">metrics</a> <a href="\(ClusterStream.path)">live status</a>
            <span id="live"></span></p>
            <script nonce="\(nonce)">\(Self.script)</script>
            </body>
            </html>

            """
    }

    /// Cells carry their column's name, which narrow screens show beside the value.
    private static func row(_ cells: [(label: String, text: String)]) -> String {
        "<tr>" + cells.map { "<td data-label=\"\($0.label)\">\(escaped($0.text))</td>" }.joined() + "</tr>"
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

    private static let style = """

        :root { color-scheme: light dark; --line: #8884; }
        body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 0 auto; padding: 1rem; }
        h1 { font-size: 1.5rem; }
        h2 { font-size: 1.1rem; margin-top: 2rem; }
        #status { font-size: 1rem; font-weight: 600; padding: 0.1rem 0.6rem; border-radius: 1rem; color: #fff; }
        .healthy { background: #197a3e; }
        .degraded { background: #b3261e; }
        .figures { display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; list-style: none; padding: 0; }
        table { border-collapse: collapse; width: 100%; }
        th, td { text-align: left; padding: 0.3rem 0.75rem 0.3rem 0; border-bottom: 1px solid var(--line); }
        td { overflow-wrap: anywhere; }
        p a { margin-right: 1rem; }
        #live { color: #b3261e; }
        @media (max-width: 40rem) {
          thead { display: none; }
          tr { display: block; padding: 0.5rem 0; border-bottom: 1px solid var(--line); }
          td { display: flex; justify-content: space-between; gap: 1rem; border: 0; padding: 0.1rem 0; }
          td::before { content: attr(data-label); font-weight: 600; }
        }

        """

    private static let script = """

        "use strict";
        const byId = (id) => document.getElementById(id);
        const fill = (body, labels, rows) => {
          body.replaceChildren(...rows.map((cells) => {
            const row = document.createElement("tr");
            cells.forEach((text, index) => {
              const cell = row.insertCell();
              cell.dataset.label = labels[index];
              cell.textContent = text;
            });
            return row;
          }));
        };
        const show = ({ cluster, workers, models }) => {
          const word = cluster.worker_count > 0 ? "healthy" : "degraded";
          byId("status").textContent = word;
          byId("status").className = word;
          byId("workers").textContent = cluster.worker_count;
          byId("gpus").textContent = cluster.gpu_count;
          byId("loaded").textContent = cluster.models_loaded;
          byId("qps").textContent = cluster.total_qps.toFixed(1);
          fill(byId("worker-rows"), ["Name", "URL", "GPU", "Bundle", "State", "Queue"],
            workers.map((w) => [w.name, w.url, w.gpu, w.bundle, w.state, w.queue_depth]));
          fill(byId("model-rows"), ["Model", "Workers"], models.map((m) => [m.name, m.worker_count]));
        };
        const follow = () => {
          const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "\(ClusterStream.path)");
          socket.onmessage = (event) => { byId("live").textContent = ""; show(JSON.parse(event.data)); };
          socket.onclose = () => { byId("live").textContent = "not live, trying again"; setTimeout(follow, 2000); };
        };
        follow();

        """
}
