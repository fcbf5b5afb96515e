import JSONStream
import Kubernetes

/// How the objects of a bundle are marked: for people and dashboards, for the operator that has to find them again, and for
/// selectors, which can never change.
package struct BundleLabels: Sendable, Hashable {
    /// The label by which the operator finds what it owns.
    package static let bundleLabel = "\(SIEGroup.name)/siebundle"
    /// The prefix that dashboards and log collectors of release 0.3.1 read.
    private static let workloadPrefix = "sie.superlinked.com"
    /// What is of the operator's making at all.
    package static let managedBy = ["app.kubernetes.io/managed-by": SIEGroup.fieldManager]

    private let installation: String
    private let object: String
    private let bundle: String

    package init(installation: String, object: String, bundle: String) {
        self.installation = installation
        self.object = object
        self.bundle = bundle
    }

    /// Of everything.
    package var all: [String: String] {
        Self.managedBy.merging([
            "app.kubernetes.io/name": "sie-worker",
            "app.kubernetes.io/instance": Self.value(installation),
            "app.kubernetes.io/component": "worker",
            "app.kubernetes.io/part-of": "sie",
            Self.bundleLabel: Self.value(object),
            "\(Self.workloadPrefix)/bundle": bundle,
        ]) { $1 }
    }

    /// Of what is there for one group, its pods among it.
    package func all(of group: SIEBundle.WorkerGroup) -> [String: String] {
        all.merging([
            "\(Self.workloadPrefix)/machine-profile": group.machineProfile,
            "\(Self.workloadPrefix)/pool": group.machineProfile,
            "\(Self.workloadPrefix)/gpu-type": Self.value(group.gpuType ?? "none"),
        ]) { $1 }
    }

    /// What the bundle's Service selects.
    package var selector: [String: String] {
        ["app.kubernetes.io/component": "worker", Self.bundleLabel: Self.value(object)]
    }

    /// What a group's StatefulSet and budget select: it cannot be changed, so it has nothing in it that can be.
    package func selector(of group: SIEBundle.WorkerGroup) -> [String: String] {
        selector.merging(["\(Self.workloadPrefix)/machine-profile": group.machineProfile]) { $1 }
    }

    /// What lists all that a bundle owns.
    package static func selection(object: String) -> Selection {
        Selection(labels: "\(bundleLabel)=\(value(object))")
    }

    /// The value for a name: the name itself, or what of it fits into a label, which begins and ends with a letter or digit.
    static func value(_ name: String) -> String {
        func isLetterOrDigit(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: false
            }
        }
        var bytes = name.utf8.prefix(63).map { byte in
            isLetterOrDigit(byte) || [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ".")].contains(byte)
                ? byte : UInt8(ascii: "-")
        }
        while let last = bytes.last, !isLetterOrDigit(last) { bytes.removeLast() }
        return String(decoding: bytes.drop { !isLetterOrDigit($0) }, as: UTF8.self)
    }
}
