import Catalog
import HTTPTypes
import Logging
import Observability
import Wire
import YAML

/// Writes worked out one after the other, each on top of those before it, before any of them is stored.
struct WriteBatch: Sendable {
    private enum Plan: Sendable {
        case refused(APIError)
        case unchanged(ModelAppend)
        case created(Creation)
    }

    private struct Creation: Sendable {
        var append: ModelAppend
        var text: String
        var epoch: UInt64
        var bundleHashes: [String: String]
        var identity: RequestIdentity?
    }

    /// The catalogue with all that the writes create.
    private(set) var catalogue: Catalogue
    /// The epoch after the last of them; nil without a store.
    private(set) var epoch: UInt64?
    /// What is to be stored.
    private(set) var changes: [StoredChange] = []
    private var plans: [Plan] = []
    private let routerID: String

    /// Works out what writes would do.
    ///
    /// - Parameter epoch: as it is now; nil without a store.
    init(_ writes: [ConfigAuthority.Write], catalogue: Catalogue, epoch: UInt64?, routerID: String) {
        self.catalogue = catalogue
        self.epoch = epoch
        self.routerID = routerID
        for write in writes {
            do throws(APIError) {
                plans.append(try plan(write))
            } catch {
                plans.append(.refused(error))
            }
        }
    }

    private mutating func plan(_ write: ConfigAuthority.Write) throws(APIError) -> Plan {
        let id = write.document["sie_id"]?.string ?? ""
        let isStored = epoch != nil
        guard !isStored || ModelIdentifier.isStorable(id) else {
            let message = "sie_id '\(id)' must not contain '__', which stands for '/' in the store"
            throw .refused(model: id, .invalid([SchemaIssue(["sie_id"], message)]))
        }
        let append: ModelAppend
        do {
            append = try ModelAppend(write.document, to: catalogue.registry, stored: storedDocument(id))
        } catch {
            throw .refused(model: id, error)
        }
        guard append.createsSomething else { return .unchanged(append) }
        let text = YAMLEmitter().text(of: YAMLNode(.mapping(append.model.document)))
        catalogue.insert(append.model, text: isStored ? text : nil)
        let next = epoch.map { $0 + 1 }
        epoch = next
        let registry = catalogue.registry
        let hashes = Dictionary(
            uniqueKeysWithValues: append.affectedBundles.map { ($0, registry.bundleConfigHash(of: $0)) })
        let creation = Creation(
            append: append, text: text, epoch: next ?? 0, bundleHashes: hashes, identity: write.identity)
        changes.append(
            StoredChange(
                epoch: creation.epoch, model: StoredChange.Model(id: append.model.id, text: text),
                reply: reply(creation, warnings: [])))
        return .created(creation)
    }

    /// The document in the store, of which the registry may not hold all.
    private func storedDocument(_ id: String) -> YAMLMapping? {
        guard let text = catalogue.stored[id], !text.isEmpty else { return nil }
        return (try? YAMLNode(parsing: text))?.mapping
    }

    private func reply(_ creation: Creation, warnings: [String]) -> StoredReply? {
        guard let identity = creation.identity else { return nil }
        let answer = Answer.added(creation.append, warnings: warnings, routerID: routerID)
        return StoredReply(
            key: identity.key, bodyDigest: identity.bodyDigest, status: answer.status.code,
            body: String(decoding: answer.body, as: UTF8.self))
    }

    // MARK: After the commit

    /// Announces what was created, in order.
    ///
    /// - Returns: the warnings for the writes whose announcement failed, by their place in the batch.
    func announce(_ parts: ConfigAuthority.Parts) -> [Int: String] {
        guard let publisher = parts.publisher else { return [:] }
        var warnings: [Int: String] = [:]
        for (index, plan) in plans.enumerated() {
            guard case .created(let creation) = plan else { continue }
            let append = creation.append
            let outcome = publisher.announce(
                append.affectedBundles.map { bundle in
                    ConfigDelta(
                        producerID: publisher.identity, bundleID: bundle, epoch: creation.epoch,
                        bundleConfigHash: creation.bundleHashes[bundle] ?? "", modelID: append.model.id,
                        profilesAdded: append.createdProfiles, modelConfig: creation.text,
                        affectedBundles: append.affectedBundles)
                })
            parts.metrics.publishes.with(outcome.metricLabel).increment()
            if let warning = outcome.warning {
                parts.logger.warning("\(warning)", metadata: ["model": "\(append.model.id)"])
                warnings[index] = warning
            }
        }
        return warnings
    }

    /// The answers that are to be kept in place of those that were stored without their warnings.
    func amendments(warnings: [Int: String]) -> [StoredChange] {
        guard let epoch else { return [] }
        return warnings.sorted { $0.key < $1.key }.compactMap { index, warning in
            guard case .created(let creation) = plans[index], let reply = reply(creation, warnings: [warning]) else {
                return nil
            }
            return StoredChange(epoch: epoch, reply: reply)
        }
    }

    /// What the writes are answered once their changes are stored.
    func results(warnings: [Int: String]) -> [Result<ConfigAuthority.WriteResult, APIError>] {
        plans.enumerated().map { index, plan in
            switch plan {
            case .refused(let error): .failure(error)
            case .unchanged(let append): .success(result(append, epoch: epoch ?? 0, warnings: []))
            case .created(let creation):
                .success(result(creation.append, epoch: creation.epoch, warnings: [warnings[index]].compactMap { $0 }))
            }
        }
    }

    /// What the writes are answered when their changes could not be stored: those before the first change stand on
    /// nothing that was to be stored.
    func results(failing error: APIError) -> [Result<ConfigAuthority.WriteResult, APIError>] {
        let first = plans.firstIndex { if case .created = $0 { true } else { false } } ?? plans.count
        return results(warnings: [:]).enumerated().map { $0 < first ? $1 : .failure(error) }
    }

    private func result(_ append: ModelAppend, epoch: UInt64, warnings: [String]) -> ConfigAuthority.WriteResult {
        ConfigAuthority.WriteResult(
            model: append.model.id, epoch: epoch, createsSomething: append.createsSomething,
            answer: .added(append, warnings: warnings, routerID: routerID))
    }
}
