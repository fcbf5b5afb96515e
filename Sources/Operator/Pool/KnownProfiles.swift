/// The machine profiles that an installation has, as far as anybody says. Gateways take any name that a ConfigMap tells
/// them; a pool of machines that do not exist would wait for ever.
package struct KnownProfiles: Sendable, Hashable {
    /// In lower case, as gateways compare them; nil where nobody says.
    private let names: Set<String>?

    /// - Parameters:
    ///   - bundles: of the pool's namespace. Where one has no worker groups, its workers come from elsewhere, and the
    ///     bundles do not say it all.
    ///   - defaultPool: the gateways' own pool, which has every profile that they are configured with; nil where there is
    ///     none.
    package init(bundles: [SIEBundle], defaultPool: PoolDocument?) {
        let groups = bundles.map { $0.spec.value?.workerGroups ?? [] }
        let configured = defaultPool.map { Array($0.spec.gpus.keys) } ?? []
        let isWhole = !configured.isEmpty || !groups.isEmpty && groups.allSatisfy { !$0.isEmpty }
        names = isWhole ? Set((configured + groups.joined().map(\.machineProfile)).map { $0.lowercased() }) : nil
    }

    /// What a pool asks for and nobody has.
    package func unknown(in spec: SIEPool.Spec) -> [String] {
        guard let names else { return [] }
        return spec.gpus.map(\.machineProfile).filter { !names.contains($0.lowercased()) }
    }

    /// For people.
    package var list: String { (names ?? []).sorted().joined(separator: ", ") }
}
