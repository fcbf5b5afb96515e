import JSONStream

/// Sends files to the config service one after the other, and waits for each model from its own post on: performs what
/// ``PostConversation`` and ``ReadinessWatch`` decide.
struct Push: Sendable {
    let directory: ModelDirectory
    let options: PushOptions
    let config: ServiceClient
    /// Nil where readiness is not asked for.
    let gateway: ServiceClient?
    let reporter: PushReporter

    private struct Ending: Sendable {
        var index: Int
        var outcome: ReadinessWatch.Outcome
        var duration: Duration
    }

    /// Pushes all files; one that fails keeps no other from being sent.
    func run(_ files: [String]) async -> [PushRecord] {
        await withTaskGroup(of: Ending.self) { group in
            var records: [PushRecord] = []
            for (index, path) in files.enumerated() {
                let start = ContinuousClock.now
                let (record, accepted) = await post(path)
                records.append(record)
                records[index].duration = .now - start
                guard let accepted, let gateway else { continue }
                let epoch = await writtenEpoch()
                group.addTask {
                    let outcome = await watch(accepted, writtenEpoch: epoch, gateway: gateway)
                    return Ending(index: index, outcome: outcome, duration: .now - start)
                }
            }
            for await ending in group {
                reporter.say(ending.outcome.annotations)
                reporter.log("\(records[ending.index].file): \(ending.outcome.summary)")
                records[ending.index].outcome += ", \(ending.outcome.summary)"
                records[ending.index].duration = ending.duration
                if !ending.outcome.isReady { records[ending.index].isFailure = true }
            }
            return records
        }
    }

    /// Sends one file.
    ///
    /// - Returns: its record, and the file where its model is stored now.
    private func post(_ path: String) async -> (PushRecord, ModelFile?) {
        var record = PushRecord(file: path, key: options.key(path: path))
        let file: ModelFile
        do throws(ModelFile.Refusal) {
            file = try ModelFile.read(path, in: directory)
        } catch {
            switch error {
            case .missing:
                reporter.say([Annotation(.warning, "the file is gone: skipped", file: path)])
                record.outcome = "skipped"
            case .unusable(let annotation):
                reporter.say([annotation])
                record.outcome = "not sent"
                record.isFailure = true
            }
            return (record, nil)
        }
        reporter.say(file.annotations)
        let outcome = await converse(file, key: record.key)
        reporter.say(outcome.annotations)
        reporter.log("\(path): \(outcome.summary) (\(outcome.status)), model \(file.modelID)")
        record.status = outcome.status
        record.outcome = outcome.summary
        record.isFailure = !outcome.isAccepted
        return (record, outcome.isAccepted ? file : nil)
    }

    private func converse(_ file: ModelFile, key: String?) async -> PostConversation.Outcome {
        var conversation = PostConversation(
            file: file.path, size: file.bytes.count, maximumAttempts: options.maximumAttempts,
            backoff: options.backoff)
        var action = conversation.post()
        while true {
            switch action {
            case .post:
                let headers = [("content-type", "application/x-yaml")] + (key.map { [("idempotency-key", $0)] } ?? [])
                let answer = await config.post(
                    "/v1/configs/models", headers: headers, body: file.bytes, within: options.postTimeout)
                reporter.answer(answer, to: "\(file.path): the config service answers \(answer.statusText)")
                action = conversation.posted(answer)
            case .wait(let duration):
                reporter.log("\(file.path): trying again in \(duration.components.seconds) s")
                // Cancelled only with the whole program.
                try? await Task.sleep(for: duration)
                action = conversation.post()
            case .readModel:
                action = conversation.modelRead(
                    await config.get(
                        "/v1/configs/models/\(ServiceClient.path(file.modelID))", within: options.postTimeout))
            case .finish(let outcome):
                return outcome
            }
        }
    }

    /// The config service's epoch after a post; nil where it does not tell.
    private func writtenEpoch() async -> Int? {
        await config.get("/v1/configs/epoch", within: options.readiness.callTimeout).json?["epoch"]?.intValue
    }

    private func watch(
        _ file: ModelFile, writtenEpoch: Int?, gateway: ServiceClient
    ) async -> ReadinessWatch.Outcome {
        let start = ContinuousClock.now
        let path = "/v1/configs/models/\(ServiceClient.path(file.modelID))/status"
        var watch = ReadinessWatch(
            model: file.modelID, file: file.path, policy: options.readiness, writtenEpoch: writtenEpoch)
        var action = watch.look(at: .zero)
        var lastSeen = ""
        while true {
            switch action {
            case .look(let limit):
                let snapshot = ReadinessSnapshot(await gateway.get(path, within: limit))
                if snapshot.text != lastSeen {
                    reporter.log("\(file.path): \(snapshot.text)")
                    lastSeen = snapshot.text
                }
                action = watch.saw(snapshot, at: .now - start)
            case .wait(let duration):
                try? await Task.sleep(for: duration)
                action = watch.look(at: .now - start)
            case .finish(let outcome):
                return outcome
            }
        }
    }
}
