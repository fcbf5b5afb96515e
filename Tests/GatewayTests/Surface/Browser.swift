import Foundation
import HTTPService
import JSONStream
import NIOCore
import NIOPosix
import TestSupport

/// A headless Chromium, driven over its DevTools protocol.
struct Browser {
    struct Failed: Error, CustomStringConvertible {
        let description: String
    }

    private final class Conversation {
        let connection: WebSocketConnection
        var messages: WebSocketMessages.AsyncIterator
        var lastID: Int64 = 0

        init(_ connection: WebSocketConnection) throws {
            self.connection = connection
            guard let messages = connection.messages else { throw Failed(description: "no messages") }
            self.messages = messages.makeAsyncIterator()
        }

        func call(_ method: String, _ parameters: JSONValue, session: String?) async throws -> JSONValue {
            lastID += 1
            var members = [
                JSONMember("id", .int(lastID)), JSONMember("method", .string(method)), JSONMember("params", parameters),
            ]
            if let session { members.append(JSONMember("sessionId", .string(session))) }
            try await connection.send(.text(String(decoding: JSONWriter.encode(.object(members)), as: UTF8.self)))
            while let message = await messages.next() {
                guard case .text(let text) = message else { continue }
                let value = try Data(text.utf8).withUnsafeBytes { try JSONReader.decode($0) }
                guard value["id"] == .int(lastID) else { continue }
                if let error = value["error"] { throw Failed(description: "\(method): \(error)") }
                return value["result"] ?? .null
            }
            throw Failed(description: "the browser went away during \(method)")
        }
    }

    private static let programs = ["chromium-headless-shell", "chromium", "google-chrome"].map { "/usr/bin/\($0)" }

    /// Whether there is one, for the conditions of tests.
    static var isInstalled: Bool {
        if programs.contains(where: FileManager.default.isExecutableFile) { return true }
        print("SKIPPED: no Chromium (Debian's chromium-headless-shell); run scripts/test")
        return false
    }

    private let conversation: Conversation
    private let session: String

    /// Opens an empty page of `width` by 800 pixels for the length of `body`.
    static func with(
        width: Int = 1200, dark: Bool = false, body: (Browser) async throws -> Void
    ) async throws {
        guard let program = programs.first(where: FileManager.default.isExecutableFile) else {
            throw Failed(description: "no Chromium")
        }
        let profile = FileManager.default.temporaryDirectory.appending(path: "browser-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: profile) }
        // The sandbox needs rights that containers do not give; the pages here are ours.
        let process = try ProgramProcess(
            program,
            arguments: [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0",
                "--user-data-dir=\(profile.path)", "about:blank",
            ])
        let start = ContinuousClock.now
        var url: Substring?
        while url == nil {
            guard process.isRunning, .now - start < .seconds(30) else {
                throw Failed(description: "the browser did not start:\n\(process.standardError)")
            }
            try await Task.sleep(for: .milliseconds(10))
            url = process.standardError.split(separator: "\n").first { $0.hasPrefix("DevTools listening on ") }
        }
        let address = String(url?.split(separator: " ").last ?? "")
        try await WebSocketClient.withConnection(to: address, group: MultiThreadedEventLoopGroup.singleton) {
            let browser = try await Browser(Conversation($0))
            try await browser.show(width: width, dark: dark)
            try await body(browser)
        }
        process.signal(15)
        try await process.exitCode(within: .seconds(10))
    }

    private init(_ conversation: Conversation) async throws {
        self.conversation = conversation
        let target = try await conversation.call("Target.createTarget", ["url": "about:blank"], session: nil)
        let attached = try await conversation.call(
            "Target.attachToTarget", ["targetId": target["targetId"] ?? .null, "flatten": true], session: nil)
        session = attached["sessionId"]?.stringValue ?? ""
    }

    /// Gives the page another width, as on a phone below 600 pixels, and another colour scheme.
    func show(width: Int, dark: Bool = false) async throws {
        _ = try await call(
            "Emulation.setDeviceMetricsOverride",
            ["width": .int(Int64(width)), "height": 800, "deviceScaleFactor": 1, "mobile": .bool(width < 600)])
        _ = try await call(
            "Emulation.setEmulatedMedia",
            ["features": [["name": "prefers-color-scheme", "value": dark ? "dark" : "light"]]])
    }

    func open(_ url: String) async throws {
        let result = try await call("Page.navigate", ["url": .string(url)])
        if let error = result["errorText"] { throw Failed(description: "\(url): \(error)") }
        try await wait("document.readyState === 'complete'")
    }

    /// The value of a JavaScript expression; a promise is awaited.
    func evaluate(_ expression: String) async throws -> JSONValue {
        let reply = try await call(
            "Runtime.evaluate",
            ["expression": .string(expression), "returnByValue": true, "awaitPromise": true])
        if let details = reply["exceptionDetails"] { throw Failed(description: "\(expression): \(details)") }
        return reply["result"]?["value"] ?? .null
    }

    /// Waits until a JavaScript expression holds.
    func wait(_ condition: String) async throws {
        let start = ContinuousClock.now
        while try await evaluate("Boolean(\(condition))") != true {
            guard .now - start < .seconds(15) else {
                let page = try await evaluate("document.documentElement.outerHTML")
                throw Failed(description: "never true: \(condition)\n\(page.stringValue ?? "")")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// What the page shows, as a PNG.
    func screenshot(to file: URL) async throws {
        let reply = try await call("Page.captureScreenshot", ["format": "png", "captureBeyondViewport": true])
        try Data(base64Encoded: reply["data"]?.stringValue ?? "")?.write(to: file)
    }

    private func call(_ method: String, _ parameters: JSONValue) async throws -> JSONValue {
        try await conversation.call(method, parameters, session: session)
    }
}
