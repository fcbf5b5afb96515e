/// The demand as a gateway without `/v1/demand` tells it, that of release 0.3.1: in its metrics
/// (https://prometheus.io/docs/instrumenting/exposition_formats/).
extension GatewayDemand {
    /// Reads a page of metrics; nil where the page has none of a gateway's, and is somebody else's.
    package init?(metrics page: some Sequence<UInt8>) {
        self.init()
        var isGateway = false
        var line: [UInt8] = []
        func take(_ line: [UInt8]) {
            guard line.starts(with: Self.prefix) else { return }
            isGateway = true
            guard let sample = Sample(line) else { return }
            add(sample)
        }
        for byte in page {
            if byte == UInt8(ascii: "\n") {
                take(line)
                line.removeAll(keepingCapacity: true)
            } else {
                line.append(byte)
            }
        }
        take(line)
        if !isGateway { return nil }
    }

    private static let prefix = Array("sie_gateway_".utf8)

    private mutating func add(_ sample: Sample) {
        guard let bundle = sample.labels["bundle"], let profile = sample.labels["machine_profile"], !bundle.isEmpty,
            !profile.isEmpty
        else { return }
        let group = WorkerGroupName(bundle: bundle, machineProfile: profile)
        switch sample.name {
        // Set for two minutes after the last request; for how long already is not told.
        case "sie_gateway_pending_demand" where sample.value > 0: pending.append(Pending(group))
        case "sie_gateway_worker_queue_depth":
            guard let worker = sample.labels["worker"], let depth = Int(exactly: sample.value.rounded(.up)) else {
                return
            }
            workers.append(Worker(worker, group, queueDepth: max(0, depth)))
        default: break
        }
    }

    /// One line: `name{label="value",...} 3`.
    private struct Sample {
        var name: String
        var labels: [String: String] = [:]
        var value: Double

        init?(_ line: [UInt8]) {
            var rest = line[...]
            name = Self.word(&rest)
            if rest.first == UInt8(ascii: "{") {
                rest = rest.dropFirst()
                while let byte = rest.first, byte != UInt8(ascii: "}") {
                    let label = Self.word(&rest)
                    guard rest.starts(with: Array("=\"".utf8)), let text = Self.text(&rest) else { return nil }
                    labels[label] = text
                    if rest.first == UInt8(ascii: ",") { rest = rest.dropFirst() }
                }
                guard !rest.isEmpty else { return nil }
                rest = rest.dropFirst()
            }
            // A time may follow.
            guard let number = rest.split(separator: UInt8(ascii: " ")).first,
                let value = Double(String(decoding: number, as: UTF8.self)), value.isFinite
            else { return nil }
            self.value = value
        }

        private static func word(_ rest: inout ArraySlice<UInt8>) -> String {
            let ends = Array("{}=, ".utf8)
            let word = rest.prefix { !ends.contains($0) }
            rest = rest.dropFirst(word.count)
            return String(decoding: word, as: UTF8.self)
        }

        /// What stands behind `="`, up to the quote that ends it.
        private static func text(_ rest: inout ArraySlice<UInt8>) -> String? {
            rest = rest.dropFirst(2)
            var text: [UInt8] = []
            while let byte = rest.popFirst() {
                switch byte {
                case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
                case UInt8(ascii: "\\"):
                    guard let escaped = rest.popFirst() else { return nil }
                    text.append(escaped == UInt8(ascii: "n") ? UInt8(ascii: "\n") : escaped)
                default: text.append(byte)
                }
            }
            return nil
        }
    }
}
