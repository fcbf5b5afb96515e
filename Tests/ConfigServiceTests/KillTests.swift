import Foundation
import Glibc
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// What a client knows of one write.
private struct Attempt: Sendable {
    var id: String
    var key: String
    /// The status and the body of the answer; nil where none came.
    var answer: (status: Int, body: String)?

    var body: ByteBuffer {
        ByteBuffer(string: "sie_id: \(id)\nprofiles: {default: {adapter_path: 'acme.enc:A', max_batch_tokens: 1}}\n")
    }
}

@Suite("Killed under load")
struct KillTests {
    private static let kills = 200
    /// The folder is begun anew after so many kills, so that late rounds start as fast as early ones.
    private static let killsPerFolder = 25

    private func json(_ path: String, of service: ProductProcess) async throws -> JSONValue {
        let reply = try await HTTPTestClient(port: service.port).send(.GET, path)
        return try JSONReader.decode(reply.body.readableBytesView)
    }

    private func post(_ attempt: Attempt, to service: ProductProcess) async throws -> (status: Int, body: String) {
        let reply = try await HTTPTestClient(port: service.port).post(
            "/v1/configs/models", headers: ["idempotency-key": attempt.key], body: attempt.body)
        return (reply.status, reply.text)
    }

    /// Writes from several clients until the service is gone.
    private func load(_ service: ProductProcess, round: Int) async -> [Attempt] {
        await withTaskGroup(of: [Attempt].self) { group in
            for client in 0..<4 {
                group.addTask {
                    var attempts: [Attempt] = []
                    for index in 0..<10_000 {
                        let name = "r\(round)/c\(client)-\(index)"
                        var attempt = Attempt(id: name, key: "key-\(name)")
                        attempt.answer = try? await post(attempt, to: service)
                        attempts.append(attempt)
                        if attempt.answer == nil { break }
                    }
                    return attempts
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
    }

    @Test(
        "killed 200 times under load, the service keeps what it answered, applies nothing twice, and counts every write once"
    )
    func kill() async throws {
        var generator = SeededGenerator(seed: 7)
        var folder = try ConfigServiceFolder()
        var attempts: [Attempt] = []
        var epoch = 0
        var answered = 0
        var unanswered = 0
        for round in 0...Self.kills {
            let service = try await folder.serve()
            let listed = try await json("/v1/configs/models", of: service)["models"]?.arrayValue ?? []
            let ids = Set(listed.compactMap { $0["model_id"]?.stringValue })
            let stored = try folder.storedModels()
            let now = try await json("/v1/configs/epoch", of: service)["epoch"]?.intValue ?? -1
            // Each write of this test creates one model, so store, registry and epoch must count the same.
            #expect(ids == stored, "round \(round)")
            #expect(
                now == ids.count && now >= epoch, "round \(round): epoch \(now), \(ids.count) models, before \(epoch)")
            #expect(attempts.allSatisfy { $0.answer?.status != 201 || ids.contains($0.id) }, "round \(round)")

            // Every client asks again, and each gets the one answer there is: the same bytes, or now the first.
            for attempt in attempts {
                let again = try await post(attempt, to: service)
                #expect(again.status == 201, "\(attempt.id): \(again)")
                if let told = attempt.answer { #expect(told == again) } else { unanswered += 1 }
            }
            answered += attempts.count
            let created = attempts.filter { !ids.contains($0.id) }.count
            epoch = try await json("/v1/configs/epoch", of: service)["epoch"]?.intValue ?? -1
            #expect(epoch == now + created, "round \(round): a write was applied twice, or not at all")

            if round == Self.kills { break }
            async let writes = load(service, round: round)
            try await Task.sleep(for: .microseconds(Int.random(in: 2_000...40_000, using: &generator)))
            service.signal(SIGKILL)
            attempts = await writes
            if round % Self.killsPerFolder == Self.killsPerFolder - 1 {
                folder = try ConfigServiceFolder()
                attempts = []
                epoch = 0
            }
        }
        #expect(answered > Self.kills && unanswered > 0, "\(answered) asked again, \(unanswered) without an answer")
        print("killed \(Self.kills) times: \(answered) writes asked for again, \(unanswered) of them had no answer")
    }
}
