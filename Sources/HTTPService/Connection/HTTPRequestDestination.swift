import NIOHTTP1

/// Where one request goes, decided from its head.
enum HTTPRequestDestination {
    case routes
    case fastLane(any FastLane, bodyLimitBytes: Int)
    case webSocket(WebSocketRoute, head: HTTPRequestHead, accept: HTTPHeaders)
    case refused(HTTPReply)
}
