import FoundationEssentials

/// The golden data under `Tests/Fixtures`, read by path so that tests need no resource bundle.
package enum Fixtures {
    /// The repository's root folder.
    package static let repository: URL = {
        // Tests/TestSupport/Fixtures.swift -> the root is three folders up.
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    }()

    /// The folder `Tests/Fixtures`.
    package static let root = repository.appending(path: "Tests/Fixtures")

    /// The bytes of one fixture, named by its path below `Tests/Fixtures`.
    package static func data(_ path: String) throws -> Data {
        try Data(contentsOf: root.appending(path: path))
    }

    /// The UTF-8 text of one fixture.
    package static func text(_ path: String) throws -> String {
        String(decoding: try data(path), as: UTF8.self)
    }
}
