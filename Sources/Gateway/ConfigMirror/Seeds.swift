import Catalog
import Logging

/// The catalogue a gateway starts with: bundles and models from directories.
package enum Seeds {
    /// Loads both directories. What cannot be used is logged and left out; a missing directory is a warning.
    package static func load(bundles: String, models: String, logger: Logger) -> Registry {
        var registry = Registry()
        do throws(CatalogError) {
            let contents = try CatalogDirectory(bundles).bundles()
            report(contents, of: bundles, logger: logger)
            registry = Registry(bundles: contents.files.map(\.content))
        } catch {
            logger.error("bundles not loaded", metadata: ["directory": "\(bundles)", "error": "\(error)"])
        }
        let contents = CatalogDirectory(models).models()
        report(contents, of: models, logger: logger)
        for file in contents.files { registry.insert(file.content) }
        return registry
    }

    private static func report<Content>(
        _ contents: CatalogDirectory.Contents<Content>, of directory: String, logger: Logger
    ) {
        if contents.isMissing { logger.warning("directory is missing", metadata: ["directory": "\(directory)"]) }
        for skipped in contents.skipped { logger.warning("file skipped", metadata: ["file": "\(skipped)"]) }
    }
}
