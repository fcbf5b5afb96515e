import Catalog
import Logging
import NIOPosix
import ServiceLifecycle

/// Reads the bundles again when their files have changed and come to rest, as the files of a ConfigMap do: whoever adds a
/// bundle to a cluster need not restart the one process that writes.
struct BundleWatch: Service {
    let directory: CatalogDirectory
    let authority: ConfigAuthority
    let interval: Duration
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            // What was read at start may have changed since: the first look that comes to rest counts.
            var shown: [Bundle]?
            var seen: [Bundle]?
            var problem: String?
            while (try? await Task.sleep(for: interval)) != nil {
                switch await look() {
                case .success(let bundles):
                    problem = nil
                    defer { seen = bundles }
                    // The same twice: nobody is in the middle of writing.
                    guard bundles != shown, bundles == seen else { continue }
                    shown = bundles
                    if await authority.replaceBundles(bundles) {
                        logger.info("bundles read again", metadata: ["bundles": "\(bundles.count)"])
                    }
                case .failure(let error):
                    seen = nil
                    guard problem != error.description else { continue }
                    problem = error.description
                    logger.error("bundles not read again, those of before stay", metadata: ["reason": "\(error)"])
                }
            }
        }
    }

    private func look() async -> Result<[Bundle], CatalogError> {
        let look = try? await NIOThreadPool.singleton.runIfActive { [directory] in Self.read(directory) }
        return look ?? .failure(CatalogError("the directory could not be read"))
    }

    private static func read(_ directory: CatalogDirectory) -> Result<[Bundle], CatalogError> {
        do throws(CatalogError) {
            // Nobody wishes for no bundles by taking the directory away, or for fewer by breaking a file.
            return .success(try directory.bundles().complete().map(\.content))
        } catch {
            return .failure(error)
        }
    }
}
