import Logging
import NIOConcurrencyHelpers
import Operator
import ServiceLifecycle
import Testing

@Suite("Deadline of the operator's start", .timeLimit(.minutes(1)))
struct StartDeadlineTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func group(_ deadline: StartDeadline) -> ServiceGroup {
        ServiceGroup(
            configuration: ServiceGroupConfiguration(services: [.init(service: deadline)], logger: Self.logger))
    }

    @Test("a process that does not come to know what there is ends, and says what was missing")
    func missed() async throws {
        let deadline = StartDeadline(
            [.init("models") { true }, .init("pools") { false }, .init("bundles") { false }],
            within: .milliseconds(150), logger: Self.logger)
        #expect(!deadline.isMet)
        do {
            try await group(deadline).run()
            Issue.record("it goes on")
        } catch let error as StartDeadline.Missed {
            #expect(error.parts == ["pools", "bundles"])
        }
    }

    @Test("what comes to be known in time goes on until the shutdown")
    func met() async throws {
        let looks = NIOLockedValueBox(0)
        let deadline = StartDeadline(
            [
                .init("models") {
                    looks.withLockedValue { looks in
                        looks += 1
                        return looks > 2
                    }
                }
            ], within: .seconds(30), logger: Self.logger)
        let group = group(deadline)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            while !deadline.isMet { await Task.yield() }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }
}
