import CurlClient
import JSONStream
import Kubernetes
import Observability
import Synchronization
import YAML

/// Asks the config service. Writes go one after the other and at a ``WritePace``: the service writes one at a time anyway,
/// and nobody else's writes are to wait behind a thousand of these.
package final class ConfigServiceClient: Sendable {
    package struct Options: Sendable {
        /// How long a request may take.
        package var timeout = Duration.seconds(10)
        package var pace = WritePace()

        package init() {}
    }

    private let curl: CurlClient
    private let url: String
    private let token: BearerToken
    private let tls: CurlTLS
    private let options: Options
    private let requests: MetricFamily<Counter>?
    private let writing = Turns(1)
    private let pace: Mutex<WritePace>
    /// What the service last said, and when it was asked.
    private let lastEpoch = Mutex<(epoch: ConfigServiceEpoch, asked: Duration)?>(nil)
    private let start = ContinuousClock.now

    /// - Parameters:
    ///   - url: of the service, with or without a slash at its end.
    ///   - requests: counts requests by `code` and `op`.
    package init(
        _ curl: CurlClient, url: String, token: BearerToken, tls: CurlTLS = CurlTLS(), options: Options = Options(),
        requests: MetricFamily<Counter>? = nil
    ) {
        self.curl = curl
        self.url = url.utf8.last == UInt8(ascii: "/") ? String(url.dropLast()) : url
        self.token = token
        self.tls = tls
        self.options = options
        self.requests = requests
        pace = Mutex(options.pace)
    }

    /// Where requests go, for messages.
    package var modelsURL: String { "\(url)/v1/configs/models" }

    /// How far the service is; nil where it does not say.
    ///
    /// - Parameter age: how old the answer may be that it gave before; zero to ask it now.
    package func epoch(notOlderThan age: Duration = .zero) async -> ConfigServiceEpoch? {
        let now = start.duration(to: .now)
        if let last = lastEpoch.withLock({ $0 }), now - last.asked < age { return last.epoch }
        let (answer, body) = await send("epoch", CurlRequest("GET", "\(url)/v1/configs/epoch"))
        guard case .response(200, _, _) = answer,
            let epoch = try? JSONReader.decode(body).decode(ConfigServiceEpoch.self)
        else { return nil }
        // Answers may overtake each other.
        lastEpoch.withLock { last in
            if last.map({ $0.asked < now }) ?? true { last = (epoch, now) }
        }
        return epoch
    }

    /// What the service has of a model.
    package func model(_ id: String) async -> RegisteredDocument {
        let (answer, body) = await send("get", CurlRequest("GET", "\(modelsURL)/\(ModelPath.encode(id))"))
        switch answer {
        case .response(200, _, _):
            guard let node = try? YAMLNode(parsing: body), let document = node.mapping else {
                return .failed(.none(problem: "the model's document cannot be read"))
            }
            return .found(document)
        case .response(404, _, _): return .absent
        default: return .failed(answer)
        }
    }

    /// What the service has of a bundle.
    package func bundle(_ name: String) async -> BundleAdvertisement {
        let (answer, body) = await send(
            "bundle", CurlRequest("GET", "\(url)/v1/configs/bundles/\(ModelPath.encode(name))"))
        switch answer {
        case .response(200, _, _):
            do {
                return .answered(try AdvertisedBundle(try YAMLNode(parsing: body), named: name))
            } catch {
                return .unavailable("the bundle's document cannot be read: \(error)")
            }
        case .response(404, _, _): return .answered(nil)
        case .response(let status, _, _): return .unavailable("it answered \(status)")
        case .none(let problem): return .unavailable(problem)
        }
    }

    /// Adds a model, or profiles to one.
    ///
    /// - Parameters:
    ///   - document: JSON, which is YAML.
    ///   - idempotencyKey: the same for the same attempt however often it is sent.
    ///   - isRepair: whether the service had it before.
    package func register(
        _ document: [UInt8], idempotencyKey: String, isRepair: Bool = false
    ) async -> ConfigAnswer {
        var request = CurlRequest("POST", modelsURL)
        request.headers = [
            CurlRequest.Header("Content-Type", "application/x-yaml"),
            CurlRequest.Header("Idempotency-Key", idempotencyKey),
        ]
        request.body = document
        return await write("post", request, isRepair: isRepair)
    }

    /// Asks the service to forget a model, which most cannot.
    package func remove(_ id: String) async -> ConfigAnswer {
        await write("delete", CurlRequest("DELETE", "\(modelsURL)/\(ModelPath.encode(id))"), isRepair: false)
    }

    private func write(_ operation: String, _ request: CurlRequest, isRepair: Bool) async -> ConfigAnswer {
        let wait = pace.withLock { $0.take(isRepair: isRepair, now: start.duration(to: .now)) }
        if wait > .zero, (try? await Task.sleep(for: wait)) == nil { return .none(problem: "cancelled") }
        return await writing.take {
            let began = ContinuousClock.now
            let answer = await send(operation, request).0
            pace.withLock { $0.answered(answer.status, after: began.duration(to: .now)) }
            return answer
        }
    }

    private func send(_ operation: String, _ request: CurlRequest) async -> (ConfigAnswer, [UInt8]) {
        if Task.isCancelled { return (.none(problem: "cancelled"), []) }
        var request = request
        request.headers += token.headers
        request.timeouts = CurlTimeouts(connect: min(options.timeout, .seconds(3)), total: options.timeout)
        request.tls = tls
        do throws(CurlError) {
            let response = try await curl.perform(request, bodyLimitBytes: 8 << 20)
            requests?.with("\(response.status)", operation).increment()
            let retryAfter = response.head["retry-after"].flatMap { Int($0) }
            let body = (try? JSONReader.decode(response.body)) ?? .null
            return (
                .response(status: response.status, body: body, retryAfterSeconds: retryAfter.map { max(0, $0) }),
                response.body
            )
        } catch {
            requests?.with("<error>", operation).increment()
            return (.none(problem: "\(error)"), [])
        }
    }
}

/// What the config service has of a model.
package enum RegisteredDocument: Sendable {
    case found(YAMLMapping)
    case absent
    /// Any other answer, or none.
    case failed(ConfigAnswer)
}
