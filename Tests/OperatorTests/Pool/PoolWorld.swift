import JSONStream
import Kubernetes
import Operator

/// A cluster of one pool, for a reconcile without any I/O: it does what the actions say and keeps a trace of them.
struct PoolWorld {
    static let start = 1_800_000_000.25
    static let holder = "sie-operator/pod-0/1"

    var pool: SIEPool
    var live = LivePool()
    /// What each gateway says of the pool; nil for two that know what the ConfigMap says, with these workers.
    var reports: [PoolReport]?
    var workers = 0
    var isActive = false
    var profiles = KnownProfiles(bundles: [], defaultPool: nil)
    var holder = Self.holder
    var now = Self.start
    /// By how much the time of day is ahead of the time that has passed.
    var skew = 0.0
    /// What the next action of a name gets instead of being done.
    var faults: [String: [PoolReconciliation.Event]] = [:]

    private(set) var trace: [String] = []
    private(set) var after = PoolReconciliation.Return.never
    private(set) var incidents: [PoolReconciliation.Incident] = []
    private var version = 100
    private let signs = PoolSigns()

    init(_ change: (inout SIEPool.Spec) -> Void = { _ in }) {
        var spec = SIEPool.Spec(gpus: [.init(machineProfile: "l4", count: 2)], ttlSeconds: 600)
        change(&spec)
        pool = SIEPool(
            metadata: ObjectMeta(name: "tenant-a", namespace: "n", uid: "uid-a", generation: 1), spec: spec)
    }

    var status: SIEPool.Status { pool.status ?? SIEPool.Status() }
    var document: PoolDocument? { live.document }

    func reason(_ type: ConditionType) -> String {
        status.conditions[type].map { "\($0.status.rawValue) \($0.reason)" } ?? "absent"
    }

    /// What kstatus says of the object.
    func object() throws -> JSONValue {
        [
            "metadata": ["generation": .int(Int64(pool.metadata.generation ?? 0))],
            "status": try JSONValue(encoding: status),
        ]
    }

    /// Changes the spec as an API server lets people do.
    mutating func edit(_ change: (inout SIEPool.Spec) -> Void) {
        guard case .value(var spec) = pool.spec else { return }
        change(&spec)
        pool.spec = .value(spec)
        pool.metadata.generation = (pool.metadata.generation ?? 0) + 1
    }

    /// Does what somebody else does to the document.
    mutating func editDocument(_ change: (JSONValue) -> JSONValue) throws {
        let text = live.configMap?.data?[PoolObjects.documentKey] ?? "{}"
        let changed = change(try JSONReader.decode(text.utf8))
        live.configMap?.data = [PoolObjects.documentKey: String(decoding: JSONWriter.encode(changed), as: UTF8.self)]
        let version = nextVersion()
        live.configMap?.metadata.resourceVersion = version
    }

    // MARK: Reconciling

    /// Reconciles the object as it is now.
    mutating func reconcile() throws {
        trace = []
        var reconciliation = PoolReconciliation(pool, holder: holder, jitter: 0, now: now)
        var action = reconciliation.start()
        while true {
            if case .finish(let status, let after) = action {
                if status != pool.status { trace.append("status") }
                pool.status = status
                self.after = after
                incidents = reconciliation.incidents
                return
            }
            action = try reconciliation.handle(try perform(action))
        }
    }

    private mutating func perform(_ action: PoolReconciliation.Action) throws -> PoolReconciliation.Event {
        let name = Self.name(action)
        trace.append(name)
        if let fault = faults[name]?.first {
            faults[name]?.removeFirst()
            return fault
        }
        switch action {
        case .write(let status): pool.status = status
        case .addFinalizer: pool.metadata.finalizers.append(SIEPool.finalizer)
        case .read(_, let withProfiles):
            let unchanged = signs.unchangedSeconds(pool.key, live, now: .seconds(now - skew - Self.start))
            return .live(live, profiles: withProfiles ? profiles : nil, now: now, unchangedSeconds: unchanged)
        case .writeConfigMap(let write): live.configMap = try apply(write, to: live.configMap)
        case .writeLease(let write): live.lease = try apply(write, to: live.lease)
        case .wait: return .waited
        case .probe: return .probed(reports ?? usualReports)
        case .remove(let gone):
            if gone.configMap != nil { live.configMap = nil }
            if gone.lease != nil { live.lease = nil }
            return .removed
        case .deleteObject, .finish: break
        }
        return .written
    }

    private static func name(_ action: PoolReconciliation.Action) -> String {
        switch action {
        case .write: "begin"
        case .addFinalizer: "finalizer"
        case .read(_, let withProfiles): withProfiles ? "read all" : "read"
        case .writeConfigMap(.create): "create ConfigMap"
        case .writeConfigMap(.change): "change ConfigMap"
        case .writeLease(.create): "create Lease"
        case .writeLease(.change): "change Lease"
        case .wait(let conflicts): "wait \(conflicts)"
        case .probe: "probe"
        case .remove(let live):
            "remove\(live.configMap == nil ? "" : " ConfigMap")\(live.lease == nil ? "" : " Lease")"
        case .deleteObject: "delete"
        case .finish: "finish"
        }
    }

    private mutating func apply<Object: KubernetesResource & Hashable>(
        _ write: PoolWrite<Object>, to object: Object?
    ) throws -> Object {
        var new: Object
        switch write {
        case .create(let object):
            new = object
            new.metadata.uid = "uid-\(version)"
        case .change(_, let patch):
            new = try MergePatch.apply(patch, to: try JSONValue(encoding: object)).decode(Object.self)
        }
        new.metadata.resourceVersion = nextVersion()
        return new
    }

    private mutating func nextVersion() -> String {
        version += 1
        return "\(version)"
    }

    private var usualReports: [PoolReport] {
        ["g0", "g1"].map { Self.report($0, .known(.init(spec: document?.spec, isActive: isActive, workers: workers))) }
    }

    static func report(_ pod: String, _ answer: PoolReport.Answer, age: Int64 = 3600) -> PoolReport {
        PoolReport(
            pod: pod, readySince: Timestamp(secondsSince1970: Int64(start) - age), answer: answer)
    }
}
