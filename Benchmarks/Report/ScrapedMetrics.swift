import Foundation

/// What a program tells of itself at one moment, in Prometheus' text format.
struct ScrapedMetrics {
    private struct Sample {
        var labels: Substring
        var value: Double
    }

    private var samples: [Substring: [Sample]] = [:]

    /// - Parameter names: of the series that are kept; some programs tell of a hundred thousand others.
    init(_ text: String, names: Set<String>) {
        let names = Set(names.map { Substring($0) })
        for line in text.split(separator: "\n") where line.utf8.first != UInt8(ascii: "#") {
            let utf8 = line.utf8
            guard let space = utf8.lastIndex(of: UInt8(ascii: " ")),
                let value = Double(line[line.index(after: space)...])
            else { continue }
            let brace = utf8.firstIndex(of: UInt8(ascii: "{")) ?? space
            guard names.contains(line[..<brace]) else { continue }
            samples[line[..<brace], default: []].append(Sample(labels: line[brace..<space], value: value))
        }
    }

    /// The sum over all series of a name whose labels are wanted. Labels are told apart by their text, such as
    /// `code="200"`.
    func sum(_ name: String, where isWanted: (Substring) -> Bool = { _ in true }) -> Double {
        samples[Substring(name), default: []].reduce(0) { $0 + (isWanted($1.labels) ? $1.value : 0) }
    }

    /// The counts of a histogram's buckets by their upper bounds.
    func buckets(_ name: String, where isWanted: (Substring) -> Bool = { _ in true }) -> [Double: Double] {
        var counts: [Double: Double] = [:]
        for sample in samples["\(name)_bucket", default: []] where isWanted(sample.labels) {
            guard let bound = Self.label("le", in: sample.labels).flatMap(Double.init) else { continue }
            counts[bound, default: 0] += sample.value
        }
        return counts
    }

    /// The value of a label.
    static func label(_ name: String, in labels: Substring) -> Substring? {
        guard let start = labels.range(of: "\(name)=\"")?.upperBound else { return nil }
        return labels[start...].prefix { $0 != "\"" }
    }
}

extension Statistics {
    /// A percentile of what a histogram counted, evenly spread within its bucket, as Prometheus has it.
    ///
    /// - Parameter buckets: how much was at most each bound.
    static func percentile(_ fraction: Double, of buckets: [Double: Double]) -> Double {
        let sorted = buckets.sorted { $0.key < $1.key }
        let rank = (sorted.last?.value ?? 0) * fraction
        var below = (bound: 0.0, count: 0.0)
        for (bound, count) in sorted {
            if count >= rank, count > below.count {
                guard bound.isFinite else { return below.bound }
                return below.bound + (bound - below.bound) * (rank - below.count) / (count - below.count)
            }
            below = (bound, count)
        }
        return below.bound
    }
}
