import CurlClient
import Foundation
import Glibc
import TestSupport

/// The operator in a process of its own, and what it has done until a moment.
final class MeasuredOperator: Sendable {
    /// What was counted until a moment, or between two of them.
    struct Reading {
        /// Requests to the API server by methods: GET are its reads and watches, PUT the renewals of its Lease.
        var apiRequests: [String: Double]
        var configWrites: Double
        var configReads: Double
        var probes: Double
        var reconciles: Double
        /// How many reconciles took at most so many seconds.
        var reconcileSeconds: [Double: Double]
        var processorSeconds: Double

        /// Writes of objects, without those of the Lease.
        var objectWrites: Double { ["POST", "PATCH", "DELETE"].reduce(0) { $0 + apiRequests[$1, default: 0] } }

        static func - (later: Reading, earlier: Reading) -> Reading {
            Reading(
                apiRequests: later.apiRequests.merging(earlier.apiRequests) { $0 - $1 },
                configWrites: later.configWrites - earlier.configWrites,
                configReads: later.configReads - earlier.configReads, probes: later.probes - earlier.probes,
                reconciles: later.reconciles - earlier.reconciles,
                reconcileSeconds: later.reconcileSeconds.merging(earlier.reconcileSeconds) { $0 - $1 },
                processorSeconds: later.processorSeconds - earlier.processorSeconds)
        }
    }

    /// From the start of the process until `/readyz` said that everything is known.
    let secondsToReady: Double
    private let process: ProductProcess
    private let metricsURL: String
    private let curl: CurlClient

    init(kubeconfig: String, namespace: String, configURL: String, curl: CurlClient) async throws {
        let metrics = try NATSServerProcess.freePort()
        let scaler = try NATSServerProcess.freePort()
        let start = ContinuousClock.now
        let process = try await ProductProcess("sie-operator") { port in
            [
                "run", "--kubeconfig", kubeconfig, "--config-url", configURL, "--watch-namespace", namespace,
                "--health-probe-bind-address", "127.0.0.1:\(port)", "--metrics-bind-address", "127.0.0.1:\(metrics)",
                "--scaler-bind-address", "127.0.0.1:\(scaler)", "--log-level", "warning",
            ]
        }
        self.process = process
        metricsURL = "http://127.0.0.1:\(metrics)/metrics"
        self.curl = curl
        var request = CurlRequest("GET", "http://127.0.0.1:\(process.port)/readyz")
        request.proxy = .none
        while (try? await curl.perform(request))?.status != 200 {
            guard process.isRunning, .now - start < .seconds(120) else {
                throw ProductProcess.Failure.didNotStart("sie-operator", log: process.log)
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        secondsToReady = (ContinuousClock.now - start) / .seconds(1)
    }

    var residentMebibytes: Double { ProcessMemory.residentMebibytes(of: process.program.processIdentifier) }
    /// What it wrote, warnings and worse.
    var log: String { process.log }

    func stop() async throws {
        process.signal(SIGTERM)
        guard try await process.exitStatus(within: .seconds(40)) == 0 else {
            throw OperatorBenchmarkStack.Failure(description: "sie-operator did not end well:\n\(process.log)")
        }
    }

    func reading() async throws -> Reading {
        var request = CurlRequest("GET", metricsURL)
        request.proxy = .none
        let response = try await curl.perform(request)
        let name = "controller_runtime_reconcile_time_seconds"
        let metrics = ScrapedMetrics(
            String(decoding: response.body, as: UTF8.self),
            names: [
                "rest_client_requests_total", "sie_operator_config_requests_total",
                "sie_operator_gateway_probe_seconds_count", "\(name)_bucket", "\(name)_count",
            ])
        func labelled(_ name: String, _ value: String) -> (Substring) -> Bool {
            { ScrapedMetrics.label(name, in: $0).map { $0 == value } ?? false }
        }
        let configWrites = metrics.sum("sie_operator_config_requests_total", where: labelled("op", "post"))
        return Reading(
            apiRequests: Dictionary(
                uniqueKeysWithValues: ["GET", "POST", "PATCH", "PUT", "DELETE"].map {
                    ($0, metrics.sum("rest_client_requests_total", where: labelled("method", $0)))
                }),
            configWrites: configWrites,
            configReads: metrics.sum("sie_operator_config_requests_total") - configWrites,
            probes: metrics.sum("sie_operator_gateway_probe_seconds_count"),
            reconciles: metrics.sum("\(name)_count", where: labelled("controller", "siemodel")),
            reconcileSeconds: metrics.buckets(name, where: labelled("controller", "siemodel")),
            processorSeconds: ProcessorTime.of(process: process.program.processIdentifier))
    }

    /// Waits until it has written nothing for a while, a minute at most: events come after what they tell of.
    func settle(for quiet: Duration = .seconds(3)) async throws {
        var last = -1.0
        let start = ContinuousClock.now
        var since = start
        while .now - since < quiet, .now - start < .seconds(60) {
            try await Task.sleep(for: .milliseconds(250))
            let reading = try await reading()
            let now = reading.objectWrites + reading.configWrites
            if now != last { (last, since) = (now, .now) }
        }
    }
}
