import Catalog
import Logging

/// The catalogue a gateway starts with: bundles and models from directories.
package enum Seeds {
    /// Loads both directories. What cannot be used is logged and left out; a missing directory is a warning.
    package static func load(_ directories: SeedDirectories, logger: Logger) -> Registry {
        var registry = Registry()
        do throws(CatalogError) {
            let contents = try CatalogDirectory(directories.bundles).bundles()
            report(contents, of: directories.bundles, logger: logger)
            registry = Registry(bundles: contents.files.map(\.content))
        } catch {
            logger.error("bundles not loaded", metadata: ["directory": "\(directories.bundles)", "error": "\(error)"])
        }
        let contents = CatalogDirectory(directories.models).models()
        report(contents, of: directories.models, logger: logger)
        for file in contents.files { registry.insert(file.content) }
        return registry
    }

    /// Loads both directories again, for a gateway that is serving: a file with a mistake must not take its models away.
    ///
    /// - Throws: `CatalogError` where a directory is missing or a file cannot be used.
    package static func loadStrictly(_ directories: SeedDirectories) throws(CatalogError) -> Registry {
        let bundles = try CatalogDirectory(directories.bundles).bundles()
        let models = CatalogDirectory(directories.models).models()
        try check(bundles, of: directories.bundles)
        try check(models, of: directories.models)
        var registry = Registry(bundles: bundles.files.map(\.content))
        for file in models.files { registry.insert(file.content) }
        return registry
    }

    private static func check<Content>(
        _ contents: CatalogDirectory.Contents<Content>, of directory: String
    ) throws(CatalogError) {
        if contents.isMissing { throw CatalogError("\(directory) is missing") }
        if let skipped = contents.skipped.first { throw CatalogError("\(skipped)") }
    }

    private static func report<Content>(
        _ contents: CatalogDirectory.Contents<Content>, of directory: String, logger: Logger
    ) {
        if contents.isMissing { logger.warning("directory is missing", metadata: ["directory": "\(directory)"]) }
        for skipped in contents.skipped { logger.warning("file skipped", metadata: ["file": "\(skipped)"]) }
    }
}
