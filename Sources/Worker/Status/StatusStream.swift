import HTTPService
import Wire

/// `/ws/status`: the worker's status at once and then every 200 ms, until the reader leaves (worker contract 1.6).
enum StatusStream {
    static let interval: Duration = .milliseconds(200)

    static func route(_ reporter: StatusReporter) -> WebSocketRoute {
        WebSocketRoute(path: "/ws/status", readsMessages: false) { connection in
            while !Task.isCancelled {
                do {
                    let json = reporter.status().encodedJSON()
                    try await connection.send(.text(String(decoding: json, as: UTF8.self)))
                    try await Task.sleep(for: interval)
                } catch {
                    return
                }
            }
        }
    }
}
