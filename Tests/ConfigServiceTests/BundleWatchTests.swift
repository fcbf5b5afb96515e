import Foundation
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@Suite("Bundles that change", .timeLimit(.minutes(1)))
struct BundleWatchTests {
    private func json(_ reply: HTTPTestClient.Reply) throws -> JSONValue {
        try JSONReader.decode(Array(reply.text.utf8))
    }

    @Test("bundles are read again when their files change; models stay, the epoch too, and the digest moves")
    func reload() async throws {
        let folder = try ConfigServiceFolder()
        let service = try await folder.serve()
        let client = HTTPTestClient(port: service.port)
        let document = "sie_id: a/b\nprofiles: {default: {adapter_path: 'acme.enc:A'}}\n"
        #expect(try await client.post("/v1/configs/models", body: ByteBuffer(string: document)).status == 201)
        let before = try json(try await client.send(.GET, "/v1/configs/epoch"))
        let extra = folder.url.appending(path: "bundles/extra.yaml")
        try Data("name: extra\npriority: 5\nadapters: [acme.extra]\n".utf8).write(to: extra, options: .atomic)
        try await eventually("the new bundle") { () -> Bool in
            try await client.send(.GET, "/v1/configs/bundles/extra").status == 200
        }
        let after = try json(try await client.send(.GET, "/v1/configs/epoch"))
        #expect(after["epoch"] == before["epoch"] && after["bundles_hash"] != before["bundles_hash"])
        #expect(try await client.send(.GET, "/v1/configs/models/a/b").text.contains("acme.enc:A"))
        // A model that only the new bundle serves is taken now.
        let other = "sie_id: c/d\nprofiles: {default: {adapter_path: 'acme.extra:A'}}\n"
        #expect(try await client.post("/v1/configs/models", body: ByteBuffer(string: other)).status == 201)
    }

    @Test("files that are broken, and a directory that has gone, change nothing")
    func broken() async throws {
        let folder = try ConfigServiceFolder()
        let service = try await folder.serve(["SIE_LOG_JSON": "true"])
        let client = HTTPTestClient(port: service.port)
        let bundle = folder.url.appending(path: "bundles/default.yaml")
        try Data("adapters: 3\n".utf8).write(to: bundle, options: .atomic)
        try await eventually("the complaint") { service.log.contains("bundles not read again") }
        #expect(try await client.send(.GET, "/v1/configs/bundles/default").text.contains("acme.enc"))
        try FileManager.default.removeItem(at: folder.url.appending(path: "bundles"))
        try await eventually("the other complaint") { service.log.contains("the directory is missing") }
        #expect(try await client.send(.GET, "/v1/configs/bundles/default").text.contains("acme.enc"))
    }
}
