import Kubernetes

/// Writes a model's status from what was found.
package struct ModelStatusWriter: StatusWriter {
    typealias Reason = ModelReason

    package let readiness: SIEModel.Readiness
    package let generation: Int?
    package let now: Timestamp
    let reconcileRequest: String?
    var status: SIEModel.Status
    let hadOutcomeOfGeneration: Bool

    var time: Timestamp { now }
    var deadlineSeconds: Int64 { Int64(readiness.progressDeadlineSeconds) }

    /// - Parameters:
    ///   - status: the status that was read; times and whatever nothing is said of stay.
    ///   - generation: of the spec that was looked at.
    ///   - reconcileRequest: the annotation that is thereby acted upon, if there is one.
    package init(
        _ status: SIEModel.Status?, readiness: SIEModel.Readiness = .init(), generation: Int?,
        reconcileRequest: String? = nil, now: Timestamp
    ) {
        self.reconcileRequest = reconcileRequest
        self.status = status ?? SIEModel.Status()
        self.readiness = readiness
        self.generation = generation
        self.now = now
        hadOutcomeOfGeneration = status?.observedGeneration == generation
    }

    /// The status of a model that is left alone.
    package func suspended() -> SIEModel.Status {
        written { $0.leaveAlone() }
    }

    /// The status of a spec that breaks a rule.
    package func invalid(_ issues: [SpecIssue]) -> SIEModel.Status {
        written {
            $0.stall(.invalidSpec, ready: .registrationFailed, issues.map(\.description).joined(separator: "; "))
        }
    }

    /// The status of a model whose id another, older object has.
    package func duplicate(of other: ObjectKey, modelID: String) -> SIEModel.Status {
        written {
            let text = "\(other) is older and has modelID \(modelID), too"
            $0.stall(.duplicateModelID, ready: .registrationFailed, text)
        }
    }

    /// The status after a reconcile.
    package func outcome(_ findings: ModelFindings) -> SIEModel.Status {
        written { $0.record(findings) }
    }

    // MARK: Parts

    private mutating func record(_ findings: ModelFindings) {
        if let receipt = findings.receipt { status.registration = receipt }
        switch findings.registration {
        case .done(let reason, let message):
            set(.registered, .true, reason, message)
            fold(findings.gateways)
        case .failing(let reason, let message, let isRegistered) where isRegistered:
            // What is registered stays so: serving goes on without the config service.
            set(.registered, .true, .alreadyRegistered, "registered before; \(reason.rawValue): \(message)")
            fold(findings.gateways)
        // What is served under this generation stays ready until something else is found.
        case .underWay where hadOutcomeOfGeneration && status.conditions.isTrue(.ready): break
        case .underWay(let message):
            set(.registered, .unknown, .registering, message)
            set(.ready, .unknown, .progressing, message)
            wait(.registering, message)
        case .failing(let reason, let message, _):
            set(.registered, .false, reason, message)
            set(.ready, .false, .dependencyUnavailable, message)
            wait(.retrying, message)
        case .stalled(let reason, let message):
            set(.registered, .false, reason, message)
            stall(reason, ready: .registrationFailed, message)
        }
    }

    private mutating func fold(_ fold: GatewayFold?) {
        guard let fold else {
            if readiness.policy == .registered {
                become(.registered, "the config service has the model")
            } else if !(hadOutcomeOfGeneration && status.conditions.isTrue(.ready)) {
                set(.ready, .unknown, .progressing, "the gateways were not asked yet")
                wait(.waitingForGateways, "the gateways were not asked yet")
            }
            return
        }
        let workers = WorkerFold(fold.bundles, readiness: readiness)
        if isNews(fold) {
            status.gateways = fold.gateways
            status.gateways?.lastProbeTime = now
            status.bundles = fold.bundles
        }
        status.summary = summary(fold.gateways, fold.bundles)
        set(.routable, fold.isRoutable ? .true : .false, fold.reason, fold.message)
        set(.workersAcked, workers.status, workers.reason, workers.message)

        switch readiness.policy {
        case .registered: become(.registered, "the config service has the model; \(fold.message)")
        case .routable, .acked:
            if !fold.isRoutable {
                set(.ready, .false, .gatewaysNotSynced, fold.message)
                wait(.waitingForGateways, fold.message)
            } else if readiness.policy == .acked, !workers.isAcked {
                set(.ready, .false, .workersNotAcked, workers.message)
                wait(.waitingForWorkers, workers.message)
            } else if readiness.policy == .acked {
                become(.acked, "\(fold.message); \(workers.message)")
            } else {
                become(.routable, fold.message)
            }
        }
    }

    /// Whether the gateways say more than that time has passed and that other models have come: neither the time nor the
    /// epoch nor the bundles' hashes alone are a reason to write, else each new model would be one for all.
    private func isNews(_ fold: GatewayFold) -> Bool {
        var (gateways, bundles) = (fold.gateways, fold.bundles)
        gateways.lastProbeTime = status.gateways?.lastProbeTime
        gateways.minEpoch = status.gateways?.minEpoch
        for index in bundles.indices {
            let known = status.bundles?.first { $0.name == bundles[index].name }
            bundles[index].expectedHash = known?.expectedHash
        }
        return gateways != status.gateways || bundles != status.bundles
    }

    /// Such as `2/2 gateways, 4/4 workers`.
    private func summary(_ gateways: SIEModel.Gateways, _ bundles: [SIEModel.Bundle]) -> String {
        let eligible = bundles.reduce(0) { $0 + ($1.eligibleWorkers ?? 0) }
        let acked = bundles.reduce(0) { $0 + ($1.ackedWorkers ?? 0) }
        let routable = "\(gateways.routable ?? 0)/\(gateways.total ?? 0) gateways"
        return eligible == 0 ? routable : "\(routable), \(acked)/\(eligible) workers"
    }
}
