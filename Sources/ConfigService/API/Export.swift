import Catalog
import HTTPTypes
import Hummingbird

extension ConfigAPI {
    /// `GET /v1/configs/export`: everything at one moment. It reads, yet it needs the admin token.
    func export(_ request: Request) async throws -> Answer {
        try authorization.requireAdmin(request.headers)
        return Answer(
            status: .ok, contentType: "application/json", body: try await authority.export().body())
    }
}
