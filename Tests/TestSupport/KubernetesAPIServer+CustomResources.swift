import CurlClient
import Foundation
import JSONStream

extension KubernetesAPIServer {
    /// The server's minor version, such as 20.
    package func minorVersion() async throws -> Int {
        let text = try await send("GET", "/version")["minor"]?.stringValue ?? ""
        guard let number = Int(text.prefix { $0.isNumber }) else { throw Failure.refused("its version: \(text)") }
        return number
    }

    /// Makes the product's custom resources known, and waits until the server serves them. Does nothing the second time.
    package func installCustomResources() async throws {
        let collection = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        let names = ["siemodels", "siepools", "siebundles"]
        for name in names {
            let file = Fixtures.repository.appending(path: "crds/sie.dev_\(name).yaml")
            let reply = try await create(yaml: try Data(contentsOf: file), in: collection)
            guard reply.status == 201 || reply.status == 409 else {
                throw Failure.refused("\(file.lastPathComponent): \(reply.body["message"]?.stringValue ?? "")")
            }
        }
        let deadline = ContinuousClock.now + .seconds(30)
        for name in names {
            while try await request("GET", "/apis/sie.dev/v1alpha1/\(name)").status != 200 {
                guard .now < deadline else {
                    let status = try await send("GET", "\(collection)/\(name).sie.dev")["status"] ?? .null
                    throw Failure.refused(
                        "to serve \(name): \(String(decoding: JSONWriter.encode(status), as: UTF8.self))")
                }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    private func create(yaml: Data, in collection: String) async throws -> Reply {
        var request = CurlRequest("POST", url + collection)
        request.tls = CurlTLS(authorities: .file(authorityFile))
        request.proxy = .none
        request.headers = [
            CurlRequest.Header("Authorization", "Bearer \(adminToken)"),
            CurlRequest.Header("Accept", "application/json"),
            CurlRequest.Header("Content-Type", "application/yaml"),
        ]
        request.body = Array(yaml)
        let response = try await client.perform(request)
        return Reply(status: response.status, body: (try? JSONReader.decode(response.body)) ?? .null)
    }
}
