import Foundation
import Glibc
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@Suite("Durability and consistency")
struct DurabilityTests {
    private func add(_ id: String, to service: ProductProcess) async throws -> Int {
        let body = "sie_id: \(id)\nprofiles: {default: {adapter_path: 'acme.enc:A', max_batch_tokens: 1}}\n"
        return try await HTTPTestClient(port: service.port).post("/v1/configs/models", body: ByteBuffer(string: body))
            .status
    }

    private func json(_ path: String, of service: ProductProcess) async throws -> JSONValue {
        let reply = try await HTTPTestClient(port: service.port).send(.GET, path)
        return try JSONReader.decode(reply.body.readableBytesView)
    }

    @Test("no export shows an epoch above the writes visible in it, and none is lost, during a storm of writes")
    func storm() async throws {
        let folder = try ConfigServiceFolder()
        let service = try await folder.serve()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                group.addTask {
                    for index in 0..<25 { try #expect(await add("w\(writer)/m\(index)", to: service) == 201) }
                }
            }
            for _ in 0..<40 {
                let export = try await json("/v1/configs/export", of: service)
                let models = export["models"]?.arrayValue?.count ?? 0
                #expect(export["epoch"]?.intValue ?? .max <= models)
            }
            try await group.waitForAll()
        }
        #expect(try await json("/v1/configs/epoch", of: service)["epoch"] == 100)
    }

    @Test("no token appears in the logs")
    func tokens() async throws {
        let folder = try ConfigServiceFolder()
        let service = try await folder.serve(["SIE_ADMIN_TOKEN": "very-secret-admin", "SIE_LOG_LEVEL": "debug"])
        let client = HTTPTestClient(port: service.port)
        for token in ["very-secret-admin", "wrong-guess"] {
            let body = ByteBuffer(string: "sie_id: a\nprofiles: {default: {adapter_path: 'acme.enc:A'}}\n")
            let status = try await client.post(
                "/v1/configs/models", headers: ["authorization": "Bearer \(token)"], body: body
            ).status
            #expect(status == (token == "wrong-guess" ? 403 : 201))
        }
        service.signal(SIGTERM)
        #expect(try await service.exitStatus(within: .seconds(10)) == 0)
        #expect(service.log.contains("config.add_model"))
        #expect(!service.log.contains("very-secret-admin") && !service.log.contains("wrong-guess"))
    }
}
