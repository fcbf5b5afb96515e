import Foundation
import Glibc
import TestSupport
import Testing

/// Several items in one message between the real gateway and real workers.
@Suite(.serialized, .timeLimit(.minutes(3))) struct BatchedItemsTests {
    static func metric(_ name: String, of stack: ServiceStack) async throws -> Int {
        let text = try await stack.client.get("/metrics").text
        let line = text.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
        return line.flatMap { Int($0.dropFirst(name.utf8.count + 1)) } ?? 0
    }

    static func check(_ response: GatewayClient.Response, _ entries: [ReferenceTexts.Entry]) throws {
        #expect(response.status == 200, "\(response.text.prefix(300))")
        let items = try EncodeAnswer(response).items
        #expect(items.map(\.id) == entries.indices.map(String.init))
        for (item, entry) in zip(items, entries) {
            #expect(ReferenceTexts.problem(item.dense.values, for: entry) == nil)
        }
    }

    @Test("a large request reaches two workers in batches; when one is killed with its share, every text is answered")
    func large() async throws {
        let stack = try await ServiceStack(workers: 2, workerEnvironment: ["SIE_ACK_WAIT_S": "3"])
        let reference = try ReferenceTexts.all()
        let entries = (0..<200).map { reference[$0 % reference.count] }
        let deadline = ContinuousClock.now + .seconds(20)
        // Both workers have said what they take as soon as a request goes out in batches.
        repeat {
            try Self.check(try await stack.client.encode(entries.prefix(8).map(\.text)), Array(entries.prefix(8)))
            try #require(ContinuousClock.now < deadline, "no batches")
        } while try await Self.metric("sie_gateway_queue_batches_published_total", of: stack) == 0
        try Self.check(try await stack.client.encode(entries.map(\.text)), entries)
        let before = try await Self.metric("sie_gateway_queue_batches_published_total", of: stack)
        async let answer = stack.client.encode(entries.map(\.text))
        while try await Self.metric("sie_gateway_queue_batches_published_total", of: stack) == before {
            try await Task.sleep(for: .milliseconds(2))
        }
        try await Task.sleep(for: .milliseconds(100))
        stack.workers[0].signal(SIGKILL)
        try await stack.workers[0].exitCode()
        try Self.check(try await answer, entries)
        #expect(try await Self.metric("sie_gateway_queue_batches_published_total", of: stack) >= before + 4)
    }

    @Test("texts of many clients share messages; when a worker is killed with its share, every client is answered")
    func manyClients() async throws {
        let stack = try await ServiceStack(workers: 2, workerEnvironment: ["SIE_ACK_WAIT_S": "3"])
        let reference = try ReferenceTexts.all()
        @Sendable func ask(_ count: Int) async throws {
            try await withThrowingTaskGroup(of: Void.self) { clients in
                for number in 0..<count {
                    let entry = reference[number % reference.count]
                    clients.addTask { try Self.check(try await stack.client.encode([entry.text]), [entry]) }
                }
                try await clients.waitForAll()
            }
        }
        try await eventually("requests share messages") {
            try await ask(40)
            return try await Self.metric("sie_gateway_queue_requests_coalesced_total", of: stack) > 0
        }
        async let answers: Void = ask(100)
        try await Task.sleep(for: .milliseconds(100))
        stack.workers[0].signal(SIGKILL)
        try await stack.workers[0].exitCode()
        try await answers
    }
}
