import Crypto

/// The names of everything that belongs to one bundle. The same bundle has the same names for ever: they are how the
/// operator finds its objects again.
package struct BundleNames: Sendable, Hashable {
    /// Pods of a StatefulSet bear its name in a label together with a hash of eleven characters, and labels end at 63.
    package static let longestStatefulSet = 52

    private let installation: String
    private let bundle: String
    private let object: String

    /// - Parameters:
    ///   - bundle: what the catalogue calls it.
    ///   - object: the name of the SIEBundle.
    package init(installation: String, bundle: String, object: String) {
        self.installation = installation
        self.bundle = bundle
        self.object = object
    }

    /// The one ConfigMap with the definitions of all bundles: the config service mounts it by name.
    package var configMap: String { Self.configMap(installation: installation) }
    package static func configMap(installation: String) -> String { "\(installation)-bundles" }

    /// The bundle's file within it.
    package var definitionKey: String { "\(bundle).yaml" }

    /// Who writes that file: another one for each object, so that the API server tells when two want the same file.
    package var definitionManager: String {
        "\(SIEGroup.fieldManager)/bundle/\(Self.bounded(object, 100))"
    }

    /// The headless Service of all workers.
    package var service: String { Self.bounded("\(installation)-worker-\(bundle)", 63) }

    package func statefulSet(_ machineProfile: String) -> String {
        Self.bounded("\(installation)-worker-\(bundle)-\(machineProfile)", Self.longestStatefulSet)
    }

    /// Kubernetes calls both by the same name as the workers that they protect.
    package func disruptionBudget(_ machineProfile: String) -> String { statefulSet(machineProfile) }
    package func scaledObject(_ machineProfile: String) -> String { "\(statefulSet(machineProfile))-scaler" }
    package func prepull(_ machineProfile: String) -> String { "\(statefulSet(machineProfile))-prepull" }

    /// A name that fits: where it has to be cut, a digest of the whole keeps it apart from others.
    private static func bounded(_ name: String, _ longest: Int) -> String {
        guard name.utf8.count > longest else { return name }
        let digest = Hexadecimal.text(of: SHA256.hash(data: Array(name.utf8)).prefix(4))
        var kept = String(decoding: name.utf8.prefix(longest - 9), as: UTF8.self)
        while let last = kept.utf8.last, last == UInt8(ascii: "-") || last == UInt8(ascii: ".") { kept.removeLast() }
        return "\(kept)-\(digest)"
    }
}
