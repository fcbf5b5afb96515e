import Catalog
import Logging

/// The catalogue a gateway starts with: bundles and models from directories.
package enum Seeds {
    /// Loads both directories. What cannot be used is logged and left out; a missing directory is a warning.
    package static func load(_ directories: SeedDirectories, logger: Logger) -> Registry {
        var bundles = CatalogDirectory.Contents<Bundle>()
        do throws(CatalogError) {
            bundles = try CatalogDirectory(directories.bundles).bundles()
        } catch {
            logger.error("bundles not loaded", metadata: ["directory": "\(directories.bundles)", "error": "\(error)"])
        }
        let models = CatalogDirectory(directories.models).models()
        for problem in bundles.problems + models.problems {
            logger.warning("not loaded", metadata: ["path": "\(problem.path)", "reason": "\(problem.reason)"])
        }
        return Registry(bundles: bundles.files, models: models.files)
    }

    /// Loads both directories again, for a gateway that is serving: a file with a mistake must not take its models away.
    ///
    /// - Throws: `CatalogError` where a directory is missing or a file cannot be used.
    package static func loadStrictly(_ directories: SeedDirectories) throws(CatalogError) -> Registry {
        Registry(
            bundles: try CatalogDirectory(directories.bundles).bundles().complete(),
            models: try CatalogDirectory(directories.models).models().complete())
    }
}
