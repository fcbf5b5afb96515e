import Catalog
import FoundationEssentials
import JSONStream

/// A snapshot of everything, as gateways bootstrap from it.
struct ConfigExport: Sendable {
    var epoch: UInt64
    var catalogue: Catalogue

    /// The body of `GET /v1/configs/export`.
    ///
    /// - Parameter now: the present time.
    func body(now: Date = .now) -> [UInt8] {
        let head: JSONValue = [
            "snapshot_version": 1, "epoch": .uint(epoch), "generated_at": .string(Self.timestamp(now)), "models": [],
        ]
        // The list of models comes last, and its parts are JSON already.
        var body = JSONWriter.encode(head)
        body.removeLast(2)
        var isFirst = true
        for id in catalogue.registry.modelIDs {
            guard let model = catalogue.registry.models[id] else { continue }
            if !isFirst { body.append(UInt8(ascii: ",")) }
            body += catalogue.exportFragment(of: model)
            isFirst = false
        }
        body += Array("]}".utf8)
        return body
    }

    /// `2026-01-02T03:04:05.678901+00:00`
    static func timestamp(_ time: Date) -> String {
        let microseconds = Int((time.timeIntervalSince1970 * 1_000_000).rounded(.down))
        let seconds = Date(timeIntervalSince1970: Double(microseconds / 1_000_000))
        let fraction = String(microseconds % 1_000_000)
        let text = seconds.formatted(.iso8601).dropLast()
        return "\(text).\(String(repeating: "0", count: 6 - fraction.count))\(fraction)+00:00"
    }
}
