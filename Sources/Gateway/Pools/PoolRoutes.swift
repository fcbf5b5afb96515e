import HTTPService
import HTTPTypes
import Hummingbird
import JSONStream

/// `/v1/pools`: make, list, show, renew and delete pools (gateway contract 7.1).
struct PoolRoutes: Sendable {
    let pools: PoolDirectory
    let audit: AuditLog

    private static let prefix = "/v1/pools/"
    private static let renewal = "/renew"

    func add(to router: Router<BasicRequestContext>) {
        router.get("/v1/pools") { _, _ in
            Response.json(["pools": .array(pools.all.map(\.document))])
        }
        router.post("/v1/pools") { request, _ in await create(request) }
        router.get("/v1/pools/{name}") { request, _ in await show(request) }
        router.delete("/v1/pools/{name}") { request, _ in await delete(request) }
        router.post("/v1/pools/{name}/renew") { request, _ in await renew(request) }
    }

    private func create(_ request: Request) async -> Response {
        do {
            let body = try await RequestedJSON.object(of: request)
            let specification: PoolSpecification
            do throws(PoolSpecification.Rejection) {
                specification = try PoolSpecification(body, configured: pools.configuredMachineProfiles)
            } catch {
                switch error {
                case .wrongShape(let message): return Self.error(.unprocessableContent, message)
                case .invalid(let message): return Self.error(.badRequest, message)
                }
            }
            let pool = try await pools.create(specification)
            audit.record("pool.create", pool: pool.name, status: 201)
            return .json(pool.document, status: .created)
        } catch let error as HTTPError {
            return Self.error(error.status, error.body ?? error.status.reasonPhrase)
        } catch let PoolTable.Refusal.full(maximum) {
            return Self.error(.tooManyRequests, "There are \(maximum) pools already")
        } catch PoolTable.Refusal.unsuitableName {
            return Self.error(
                .badRequest, "Pool names are lower-case letters, digits and '-' where pools are kept in Kubernetes")
        } catch {
            return Self.error(.internalServerError, "Pool not created")
        }
    }

    private func show(_ request: Request) async -> Response {
        guard let name = request.decodedPath(after: Self.prefix) else { return Self.badPath }
        return await pools.pool(named: name).map { .json($0.document) } ?? Self.unknown(name)
    }

    private func delete(_ request: Request) async -> Response {
        guard let name = request.decodedPath(after: Self.prefix) else { return Self.badPath }
        switch await pools.delete(name) {
        case .unknown: return Self.unknown(name)
        case .protected: return Self.error(.forbidden, "Cannot delete the default pool")
        case .managed:
            return Self.error(.conflict, "Pool '\(name)' belongs to a SIEPool; delete that, and the pool goes with it")
        case .deleted:
            audit.record("pool.delete", pool: name, status: 200)
            return .json(["message": "Pool deleted"])
        }
    }

    private func renew(_ request: Request) async -> Response {
        guard let path = request.decodedPath(after: Self.prefix) else { return Self.badPath }
        let name = String(path.dropLast(Self.renewal.count))
        guard await pools.renew(name) else { return Self.unknown(name) }
        audit.record("pool.renew", pool: name, status: 200)
        return .json(["message": "Pool renewed"])
    }

    private static func unknown(_ name: String) -> Response { error(.notFound, "Pool '\(name)' not found") }

    private static var badPath: Response { error(.badRequest, "the path is no valid percent-encoded UTF-8") }

    /// Clients of the 0.3 line look for the message in an object under `detail`.
    private static func error(_ status: HTTPResponse.Status, _ message: String) -> Response {
        .json(["message": .string(message), "detail": ["message": .string(message)]], status: status)
    }
}
