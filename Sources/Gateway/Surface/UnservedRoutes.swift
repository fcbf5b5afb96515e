import HTTPService
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1

/// The routes of services that newer clients know and that this gateway is not: each is refused at once and by name, in
/// the words from which clients make their own errors.
enum UnservedRoutes {
    private static let services = ["estimate", "recommend", "generate", "jobs", "files", "batches"]
    private static let methods: [HTTPRequest.Method] = [.get, .post, .put, .delete]

    static func add(to router: Router<BasicRequestContext>) {
        for service in services {
            for path in ["/v1/\(service)", "/v1/\(service)/**"] {
                for method in methods {
                    router.on(RouterPath(path), method: method) { _, _ in Response(refusal(of: service)) }
                }
            }
        }
    }

    private static func refusal(of service: String) -> HTTPReply {
        HTTPReply(
            ErrorAnswer(
                .notFound, code: "NOT_SUPPORTED",
                message: "This gateway does not serve /v1/\(service); it encodes, scores and extracts"
            ).answer(as: .json))
    }
}
