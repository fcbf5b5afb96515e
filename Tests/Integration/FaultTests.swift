import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

/// Servers that are killed while requests are under way.
@Suite(.serialized) struct FaultTests {
    /// What a load saw.
    private struct Tally: Sendable {
        var statuses: [Int: Int] = [:]
        var wrongVectors: [String] = []
        var brokenConnections = 0

        var succeeded: Int { statuses[200] ?? 0 }
    }

    private final class Load: Sendable {
        private let reference: [ReferenceTexts.Entry]
        private let client: GatewayClient
        let tally = Mutex(Tally())
        let isOver = Mutex(false)

        init(client: GatewayClient, reference: [ReferenceTexts.Entry]) {
            self.client = client
            self.reference = reference
        }

        /// Sends requests, one after the other, until the load is over.
        func run(number: Int, textsPerRequest: Int) async {
            var round = number
            while !isOver.withLock({ $0 }) {
                round += 1
                let entries = (0..<textsPerRequest).map { reference[(round * 13 + number * 5 + $0) % reference.count] }
                guard let response = try? await client.encode(entries.map(\.text)) else {
                    tally.withLock { $0.brokenConnections += 1 }
                    continue
                }
                let wrong = response.status == 200 ? Self.wrongVectors(response, entries) : []
                tally.withLock {
                    $0.statuses[response.status, default: 0] += 1
                    $0.wrongVectors += wrong
                }
                // A server that refuses at once must not be asked thousands of times a second.
                if response.status != 200 { try? await Task.sleep(for: .milliseconds(20)) }
            }
        }

        /// Waits until `count` more requests have succeeded.
        func untilSucceeded(_ count: Int, within limit: Duration) async throws {
            let goal = tally.withLock { $0.succeeded } + count
            let deadline = ContinuousClock.now + limit
            while tally.withLock({ $0.succeeded }) < goal {
                guard ContinuousClock.now < deadline else {
                    throw ProgramProcess.Timeout(
                        description: "no \(count) requests succeeded: \(tally.withLock { $0 })")
                }
                try await Task.sleep(for: .milliseconds(20))
            }
        }

        private static func wrongVectors(
            _ response: GatewayClient.Response, _ entries: [ReferenceTexts.Entry]
        ) -> [String] {
            guard let items = try? EncodeAnswer(response).items, items.count == entries.count else {
                return ["an answer with other items than were sent: \(response.text.prefix(200))"]
            }
            return zip(items, entries).compactMap { ReferenceTexts.problem($0.dense.values, for: $1) }
        }
    }

    private func underLoad(
        _ stack: ServiceStack, connections: Int, textsPerRequest: Int, _ body: (Load) async throws -> Void
    ) async throws -> Tally {
        let load = Load(client: stack.client, reference: try ReferenceTexts.all())
        try await withThrowingTaskGroup { group in
            for number in 0..<connections {
                group.addTask { await load.run(number: number, textsPerRequest: textsPerRequest) }
            }
            defer { load.isOver.withLock { $0 = true } }
            try await body(load)
        }
        return load.tally.withLock { $0 }
    }

    @Test("nats-server is killed for five seconds under load: 503 meanwhile, service by itself afterwards")
    func natsIsKilled() async throws {
        let stack = try await ServiceStack()
        let tally = try await underLoad(stack, connections: 16, textsPerRequest: 3) { load in
            try await load.untilSucceeded(50, within: .seconds(60))
            stack.nats.kill()
            try await Task.sleep(for: .seconds(5))
            try await stack.nats.start()
            try await load.untilSucceeded(50, within: .seconds(60))
        }
        #expect(tally.wrongVectors == [])
        #expect(tally.brokenConnections == 0)
        #expect(Set(tally.statuses.keys) == [200, 503], "\(tally.statuses)")
        #expect(stack.runningServices.count == 3)
    }

    @Test("a worker is killed with its batch: another one answers the work")
    func workerIsKilled() async throws {
        // Work that a worker has taken comes back this long after its last sign of life.
        let stack = try await ServiceStack(workers: 2, workerEnvironment: ["SIE_ACK_WAIT_S": "5"])
        let tally = try await underLoad(stack, connections: 8, textsPerRequest: 40) { load in
            try await load.untilSucceeded(10, within: .seconds(60))
            stack.workers[0].signal(SIGKILL)
            try await stack.workers[0].exitCode()
            try await load.untilSucceeded(20, within: .seconds(90))
        }
        #expect(tally.wrongVectors == [])
        #expect(tally.brokenConnections == 0)
        #expect(Set(tally.statuses.keys) == [200], "\(tally.statuses)")
        #expect(stack.workers[1].isRunning && stack.gateway.isRunning)
    }

    @Test("a worker that is asked to stop finishes its work and ends with 0; no request fails")
    func workerDrains() async throws {
        let stack = try await ServiceStack(workers: 2)
        let tally = try await underLoad(stack, connections: 8, textsPerRequest: 5) { load in
            try await load.untilSucceeded(20, within: .seconds(60))
            stack.workers[0].signal(SIGTERM)
            #expect(try await stack.workers[0].exitCode(within: .seconds(40)) == 0)
            try await load.untilSucceeded(20, within: .seconds(60))
        }
        #expect(tally.wrongVectors == [])
        #expect(Set(tally.statuses.keys) == [200], "\(tally.statuses)")
    }
}
