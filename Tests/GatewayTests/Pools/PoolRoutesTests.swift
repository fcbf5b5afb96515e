import Gateway
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@Suite("The routes of pools", .timeLimit(.minutes(1)))
struct PoolRoutesTests {
    static func post(
        _ http: HTTPTestClient, _ body: String, type: String = "application/json", headers: HTTPHeaders = [:]
    ) async throws -> HTTPTestClient.Reply {
        var headers = headers
        headers.add(name: "content-type", value: type)
        return try await http.post("/v1/pools", headers: headers, body: ByteBuffer(string: body))
    }

    static func message(_ reply: HTTPTestClient.Reply) throws -> String? {
        let body = try SurfaceRoutesTests.json(reply)
        #expect(body["detail"]?["message"] == body["message"], "where 0.3.1 clients look")
        return body["message"]?.stringValue
    }

    @Test("a pool is made, shown, listed, renewed and deleted")
    func life() async throws {
        let workers = PoolWorkers.records([PoolWorkers.worker("w1"), PoolWorkers.worker("w2", profile: "a100")])
        let documents = try SurfaceRoutesTests.documents()
        try await SurfaceServer.with(documents: documents, workers: workers) { http in
            let made = try await Self.post(
                http, #"{"name":"tenant-a","gpus":{"l4":1},"minimum_worker_count":1,"queue_pool":"q"}"#)
            #expect(made.status == 201)
            let pool = try SurfaceRoutesTests.json(made)
            #expect(pool["name"] == "tenant-a")
            #expect(
                pool["spec"] == [
                    "name": "tenant-a", "bundle": nil, "gpus": ["l4": 1], "ttl_seconds": nil,
                    "minimum_worker_count": 1, "queue_pool": "q",
                ])
            #expect(pool["status"]?["state"] == "active")
            #expect(
                pool["status"]?["assigned_workers"] == [
                    ["name": "w1", "url": "http://w1", "gpu": "l4", "bundle": "default"]
                ])
            let created = try #require(pool["status"]?["created_at"]?.doubleValue)
            #expect(created > 1_600_000_000)
            let again = try await Self.post(http, #"{"name":"tenant-a","gpus":{"a100":7}}"#)
            #expect(again.status == 201)
            #expect(try SurfaceRoutesTests.json(again)["spec"]?["gpus"] == ["l4": 1])
            let shown = try SurfaceRoutesTests.json(try await http.send(.GET, "/v1/pools/tenant-a"))
            #expect(shown["status"]?["created_at"]?.doubleValue == created)
            let list = try SurfaceRoutesTests.json(try await http.send(.GET, "/v1/pools"))
            #expect(list["pools"]?.arrayValue == [shown])
            let renewed = try await http.send(.POST, "/v1/pools/tenant-a/renew")
            #expect(renewed.status == 200)
            #expect(renewed.text == #"{"message":"Pool renewed"}"#)
            let deleted = try await http.send(.DELETE, "/v1/pools/tenant-a")
            #expect(deleted.text == #"{"message":"Pool deleted"}"#)
            for method in [HTTPMethod.GET, .DELETE] {
                let gone = try await http.send(method, "/v1/pools/tenant-a")
                #expect(gone.status == 404)
                #expect(try Self.message(gone) == "Pool 'tenant-a' not found")
            }
            #expect(try await http.send(.POST, "/v1/pools/tenant-a/renew").status == 404)
            let metrics = try await http.send(.GET, "/metrics").text
            for line in [#"{event="created"} 1"#, #"{event="renewed"} 2"#, #"{event="deleted"} 1"#] {
                #expect(metrics.contains("sie_gateway_pool_events_total\(line)"))
            }
        }
    }

    @Test("what is no pool is refused with its reason")
    func refusals() async throws {
        let environment = ["SIE_GATEWAY_CONFIGURED_GPUS": "L4,a100-spot", "SIE_GATEWAY_ENABLE_POOLS": "yes"]
        let documents = try SurfaceRoutesTests.documents()
        try await SurfaceServer.with(documents: documents, environment: environment) { http in
            for (body, status, reason) in [
                (#"{"name":"","gpus":{"l4":1}}"#, 400, "Pool name is required"),
                (#"{"name":"a.b","gpus":{"l4":1}}"#, 400, "Pool name 'a.b' must be"),
                (#"{"name":"a","gpus":{}}"#, 400, "GPU requirements are required"),
                (
                    #"{"name":"a","gpus":{"x":1,"l4":1}}"#, 400,
                    #"Unknown machine profiles: ["x"]. Valid profiles: ["L4","a100-spot"]"#
                ),
                (#"{"gpus":{"l4":1}}"#, 422, "'name' must be a string"),
                (#"{"name":"a","gpus":{"l4":-1}}"#, 422, "'gpus.l4' must be a whole number"),
                (#"{"name":"a","gpus":[]}"#, 422, "'gpus' must be an object"),
                (#"{"name":"a","bundle":3}"#, 422, "'bundle' must be a string"),
                ("[]", 422, "the body must be an object"),
                ("{", 400, "Failed to parse the request body as JSON"),
            ] {
                let reply = try await Self.post(http, body)
                #expect(Int(reply.status) == status, "\(body)")
                let message = try Self.message(reply)
                #expect(message?.hasPrefix(reason) == true, "\(message ?? "none")")
            }
            let type = try await Self.post(http, #"{"name":"a","gpus":{"l4":1}}"#, type: "text/plain")
            #expect(type.status == 415)
            let protected = try await http.send(.DELETE, "/v1/pools/default")
            #expect(protected.status == 403)
            #expect(try Self.message(protected) == "Cannot delete the default pool")
            #expect(try await http.send(.POST, "/v1/pools/default/renew").status == 200)
            let list = try SurfaceRoutesTests.json(try await http.send(.GET, "/v1/pools"))
            #expect(list["pools"]?.arrayValue?.map { $0["name"] } == ["default"])
            #expect(try await Self.post(http, #"{"name":"newer"}"#).status == 201, "0.10 clients may name no profile")
        }
    }

    @Test("changing pools takes the admin token, reading them a client's")
    func access() async throws {
        let environment = ["SIE_AUTH_MODE": "token", "SIE_AUTH_TOKEN": "client", "SIE_ADMIN_TOKEN": "admin"]
        let documents = try SurfaceRoutesTests.documents()
        try await SurfaceServer.with(documents: documents, environment: environment) { http in
            let body = #"{"name":"a","gpus":{"l4":1}}"#
            let client: HTTPHeaders = ["authorization": "Bearer client"]
            let refused = try await Self.post(http, body, headers: client)
            let made = try await Self.post(http, body, headers: ["authorization": "Bearer admin"])
            let read = try await http.send(.GET, "/v1/pools/a", headers: client)
            let renewed = try await http.send(.POST, "/v1/pools/a/renew", headers: client)
            let deleted = try await http.send(.DELETE, "/v1/pools/a", headers: client)
            #expect([refused, made, read, renewed, deleted].map(\.status) == [403, 201, 200, 403, 403])
        }
    }
}
