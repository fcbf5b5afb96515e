import Foundation
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import Wire

@Suite(
    "The status page in a browser", .serialized, .timeLimit(.minutes(2)),
    .enabled(if: Browser.isInstalled, "no Chromium; run scripts/test"))
struct StatusPageBrowserTests {
    /// A real gateway whose one worker is `status`; `SIE_STATUS_PAGE_SHOTS` names a folder for pictures of the page.
    static func withGateway(
        environment: [String: String] = [:],
        body: @Sendable (_ url: String, ProductProcess, StatusServer) async throws -> Void
    ) async throws {
        try await StatusServer.with { worker in
            let folder = try RunningGateway.writeSeeds()
            defer { try? FileManager.default.removeItem(at: folder) }
            let gateway = try await RunningGateway.start(
                folder: folder, environment: environment.merging(["SIE_GATEWAY_WORKERS": worker.url]) { $1 })
            try await body("http://127.0.0.1:\(gateway.port)/", gateway, worker)
        }
    }

    static func status(_ name: String, queueDepth: Int = 0) -> WorkerStatus {
        var status = WorkerStatus()
        status.ready = true
        status.name = name
        status.machineProfile = "a100-80gb"
        status.poolName = "default"
        status.bundle = "default"
        status.loadedModels = ["org/a-model-with-quite-a-long-name-as-they-have-nowadays-v2"]
        var model = WorkerStatus.Model()
        model.name = status.loadedModels[0]
        model.queueDepth = queueDepth
        status.models = [model]
        return status
    }

    static func keep(_ browser: Browser, as name: String) async throws {
        guard let folder = ProcessInfo.processInfo.environment["SIE_STATUS_PAGE_SHOTS"] else { return }
        try await browser.screenshot(to: URL(filePath: folder).appending(path: "\(name).png"))
    }

    @Test("workers appear, change and vanish while one looks, whatever they call themselves")
    func live() async throws {
        try await Self.withGateway { url, _, worker in
            try await Browser.with { browser in
                try await browser.open(url)
                try await browser.wait("document.getElementById('live').textContent === 'live'")
                #expect(try await browser.evaluate("document.getElementById('status').textContent") == "degraded")
                let name = "<img src=x onerror='window.broken=1'><script>window.broken=1</script>"
                try await Self.untilSeen(worker, Self.status(name, queueDepth: 7)) {
                    try await browser.evaluate(
                        "document.querySelector('#worker-rows td[data-label=Queue]')?.textContent === '7'") == true
                }
                #expect(try await browser.evaluate("document.getElementById('status').textContent") == "healthy")
                #expect(
                    try await browser.evaluate("document.querySelector('#worker-rows td').textContent")
                        == .string(name))
                #expect(
                    try await browser.evaluate("document.querySelector('#model-rows td').textContent")
                        == .string(Self.status("").loadedModels[0]))
                // Neither from the live feed nor from the page as the server writes it.
                for _ in 0..<2 {
                    #expect(try await browser.evaluate("typeof window.broken") == "undefined")
                    #expect(try await browser.evaluate("document.querySelectorAll('img, td script').length") == 0)
                    try await browser.open(url)
                }
                try await Self.untilSeen(worker, Self.status("worker-1")) {
                    try await browser.evaluate("document.querySelector('#worker-rows td').textContent === 'worker-1'")
                        == true
                }
                try await Self.keep(browser, as: "wide")
            }
        }
    }

    @Test("it fits the width of a phone, in the light and in the dark, with long names and without workers")
    func phone() async throws {
        try await Self.withGateway { url, _, worker in
            try await Browser.with(width: 390) { browser in
                for dark in [false, true] {
                    try await browser.show(width: 390, dark: dark)
                    try await browser.open(url)
                    #expect(try await browser.evaluate("document.documentElement.scrollWidth") == 390)
                    let backdrop = try await browser.evaluate("getComputedStyle(document.body).backgroundColor")
                    #expect(backdrop == (dark ? "rgb(14, 17, 22)" : "rgb(245, 246, 248)"))
                    let name = "worker-" + String(repeating: "long", count: 40) + (dark ? "-dark" : "-light")
                    try await Self.untilSeen(worker, Self.status(name)) {
                        try await browser.evaluate("document.querySelector('#worker-rows td')?.textContent")
                            == .string(name)
                    }
                    #expect(try await browser.evaluate("document.documentElement.scrollWidth") == 390)
                    #expect(
                        try await browser.evaluate(
                            """
                            [...document.querySelectorAll("h1, h2, td, b, a, span")]
                              .every((e) => e.getBoundingClientRect().right <= 390)
                            """) == true)
                    try await Self.keep(browser, as: dark ? "phone-dark" : "phone-light")
                }
            }
        }
    }

    @Test("with tokens it tells nothing until it is given one, and the token is in no URL and in no log")
    func tokens() async throws {
        let token = "s3cret+/=-é"
        let environment = ["SIE_AUTH_MODE": "token", "SIE_AUTH_TOKEN": token]
        try await Self.withGateway(environment: environment) { url, gateway, worker in
            try await Browser.with { browser in
                try await browser.open(url)
                try await browser.wait("document.getElementById('lock').checkVisibility()")
                #expect(try await browser.evaluate("document.getElementById('board').checkVisibility()") == false)
                func enter(_ text: String) async throws {
                    _ = try await browser.evaluate(
                        "document.getElementById('token').value = '\(text)'; document.querySelector('button').click()")
                }
                try await enter("wrong")
                try await browser.wait("document.getElementById('refusal').textContent.includes('not accepted')")
                try await Self.keep(browser, as: "locked")
                try await enter(token)
                try await browser.wait("document.getElementById('live').textContent === 'live'")
                try await Self.untilSeen(worker, Self.status("worker-1")) {
                    try await browser.evaluate("document.querySelector('#worker-rows td')?.textContent") == "worker-1"
                }
                #expect(try await browser.evaluate("document.getElementById('lock').checkVisibility()") == false)
                let urls = try await browser.evaluate(
                    "location.href + performance.getEntriesByType('resource').map((e) => e.name).join()")
                #expect(urls.stringValue?.contains("s3cret") == false)
                // The tab remembers; another one does not.
                try await browser.open(url)
                try await browser.wait("document.getElementById('live').textContent === 'live'")
            }
            #expect(!gateway.log.contains("s3cret"))
            let anonymous = try await HTTPTestClient(port: gateway.port).send(
                .GET, "/", headers: ["accept": "text/html,*/*"])
            #expect(anonymous.status == 401)
            #expect(!anonymous.text.contains("worker-1"))
        }
    }

    /// Sends a status again and again, as workers do, until the page shows it.
    static func untilSeen(
        _ worker: StatusServer, _ status: WorkerStatus, _ look: () async throws -> Bool
    ) async throws {
        let start = ContinuousClock.now
        while true {
            worker.send(status)
            if try await look() { return }
            try #require(.now - start < .seconds(15), "the page never showed \(status.name)")
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}
