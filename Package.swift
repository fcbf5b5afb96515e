// swift-tools-version:6.2
import PackageDescription

// One place for the settings of every Swift target. Warnings become errors where
// SIE_WARNINGS_AS_ERRORS is set (continuous integration), so that a newer compiler's
// new warning never keeps a user from building.
let strict: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + (Context.environment["SIE_WARNINGS_AS_ERRORS"] == "1" ? [.treatAllWarnings(as: .error)] : [])

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let collections: Target.Dependency = .product(name: "Collections", package: "swift-collections")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let systemPackage: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let nio: [Target.Dependency] = ["NIOCore", "NIOPosix", "NIOConcurrencyHelpers"].map {
    .product(name: $0, package: "swift-nio")
}
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTP: [Target.Dependency] = [
    .product(name: "NIOHTTP1", package: "swift-nio"),
    .product(name: "NIOWebSocket", package: "swift-nio"),
]
let nioHTTP2: [Target.Dependency] = [
    .product(name: "NIOHTTP2", package: "swift-nio-http2"),
    .product(name: "NIOHPACK", package: "swift-nio-http2"),
]
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let hummingbird: [Target.Dependency] = [
    .product(name: "Hummingbird", package: "hummingbird"),
    .product(name: "HummingbirdCore", package: "hummingbird"),
    .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
    .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
]

/// Where SIE_STANDALONE is set, the Swift runtime and Foundation are linked into the programs: they run where no Swift is
/// installed, and call the runtime without a detour, which is a twentieth of what a request costs the gateway. Nothing is
/// compiled anew for it. Not with `--build-tests`, as the testing libraries exist in shared form only, which is why it is
/// not `--static-swift-stdlib`. The compiler names all libraries that it takes but the parts of Foundation.
let standalone: [LinkerSetting] =
    Context.environment["SIE_STANDALONE"] == "1"
    ? [.unsafeFlags(["-static-stdlib"])]
        + ["CoreFoundation", "_FoundationICU", "_FoundationCollections", "_FoundationCShims"].map { .linkedLibrary($0) }
    : []

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func program(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .executableTarget(
        name: name, dependencies: [argumentParser, logging, lifecycle] + dependencies, swiftSettings: strict,
        linkerSettings: standalone)
}

/// Tests of `target`; they read data from `Tests/Fixtures` by path, so the fixtures are no bundle resources.
func tests(of target: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(target)Tests",
        dependencies: [.target(name: target), "TestSupport"] + dependencies, swiftSettings: strict)
}

let package = Package(
    name: "sie",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "sie", targets: ["CLI"]),
        .executable(name: "sie-config", targets: ["ConfigService"]),
        .executable(name: "sie-gateway", targets: ["Gateway"]),
        .executable(name: "sie-worker", targets: ["Worker"]),
        .executable(name: "sie-operator", targets: ["Operator"]),
        .executable(name: "sie-bench", targets: ["Benchmarks"]),
        .library(name: "NATSClient", targets: ["NATSClient"]),
        .library(name: "Kubernetes", targets: ["Kubernetes"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-crypto", "3.12.3"..<"5.0.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.86.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.24.0"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.38.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.30.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.16.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.19.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
    ],
    targets: [
        // C doors
        .systemLibrary(name: "CLibYaml", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CNats", pkgConfig: "libnats", providers: [.apt(["libnats-dev"])]),
        .systemLibrary(name: "CMsgPack", pkgConfig: "msgpack", providers: [.apt(["libmsgpack-dev"])]),
        .systemLibrary(name: "CProcess"),
        .systemLibrary(name: "CFileSystem"),
        .target(name: "CKernels"),

        // codecs
        library("MessagePack"),
        library("JSONStream"),
        library("YAML", ["CLibYaml", "JSONStream"]),

        // platform
        library("Settings"),
        library("Observability", [logging, crypto]),
        library("NATSClient", nio + [nioSSL, logging, lifecycle, crypto, collections]),
        library(
            "HTTPService", nio + nioHTTP + hummingbird + [httpTypes, logging, lifecycle, crypto, "Observability"]),
        library("CurlClient", ["CCurl"]),
        library(
            "Kubernetes",
            ["CurlClient", "JSONStream", "YAML", "Observability", logging, lifecycle, subprocess, systemPackage]),
        library("ObjectStore", ["CurlClient", "JSONStream", "Settings", crypto, cryptoExtras]),

        // domain
        library("Catalog", ["YAML", "JSONStream", crypto, collections]),
        library("Wire", ["MessagePack", "JSONStream"]),
        library("Inference", ["CKernels", "JSONStream", "MessagePack"]),

        // products
        program(
            "ConfigService",
            nio + [
                "Catalog", "Wire", "YAML", "JSONStream", "NATSClient", "HTTPService", "ObjectStore", "CurlClient",
                "Settings", "Observability", "CFileSystem", collections, crypto, httpTypes, signals,
            ] + hummingbird),
        program(
            "Gateway",
            nio + nioHTTP + [
                "Catalog", "YAML", "Wire", "MessagePack", "JSONStream", "NATSClient", "HTTPService", "Observability",
                "Settings", "Kubernetes", "ObjectStore", "CurlClient", "CProcess", collections, httpTypes, httpClient,
                signals,
            ] + hummingbird),
        program(
            "Worker",
            nio + [
                "Catalog", "Wire", "MessagePack", "JSONStream", "NATSClient", "HTTPService", "Observability",
                "Inference", "Settings", "YAML", "ObjectStore", "CurlClient", collections, httpTypes, httpClient,
                signals,
            ] + hummingbird),
        program(
            "Operator",
            nio + nioHTTP2 + [
                "Kubernetes", "CurlClient", "Catalog", "Wire", "YAML", "JSONStream", "HTTPService", "Observability",
                "Settings", "CProcess", collections, crypto, httpTypes, signals, nioSSL,
            ] + hummingbird),
        program(
            "CLI",
            nio + nioHTTP + [
                subprocess, systemPackage, signals, httpClient, nioSSL, crypto, "CProcess", "Wire", "YAML",
                "JSONStream", "Catalog", "Settings",
            ]),

        // tests
        .target(name: "CSpawn", path: "Tests/CSpawn"),
        .target(
            name: "TestSupport", dependencies: nio + nioHTTP + ["CSpawn", "CurlClient", "JSONStream"],
            path: "Tests/TestSupport",
            swiftSettings: strict),
        tests(of: "CKernels"),
        tests(of: "MessagePack", ["CMsgPack"]),
        tests(of: "JSONStream"),
        tests(of: "YAML", ["JSONStream"]),
        tests(of: "Settings"),
        tests(of: "Observability", [logging]),
        tests(of: "NATSClient", nio + ["CNats", crypto, logging, nioEmbedded, nioSSL]),
        tests(of: "CurlClient", nio + nioHTTP),
        tests(of: "ObjectStore", nio + nioHTTP + ["CurlClient", "JSONStream", "Settings", crypto, cryptoExtras]),
        tests(
            of: "Kubernetes",
            nio + nioHTTP + ["CurlClient", "JSONStream", "YAML", "Observability", logging, lifecycle]),
        tests(
            of: "HTTPService",
            nio + nioHTTP + hummingbird + [nioEmbedded, httpTypes, logging, lifecycle, "Observability"]),
        tests(of: "Catalog", ["YAML", "JSONStream"]),
        tests(of: "Wire"),
        tests(of: "Inference"),
        tests(
            of: "ConfigService",
            nio + nioHTTP + [
                "ObjectStore", "CurlClient", "Settings", "Catalog", "YAML", "JSONStream", "NATSClient", logging,
            ]),
        tests(
            of: "Gateway",
            nio + nioHTTP + hummingbird + [
                "NATSClient", "Wire", "MessagePack", "JSONStream", "Catalog", "YAML", "HTTPService", "Observability",
                "Settings", "Kubernetes", "ObjectStore", "CurlClient", httpClient, logging, lifecycle, nioEmbedded,
            ]),
        tests(
            of: "Worker",
            nio + nioHTTP + [
                "Catalog", "Wire", "MessagePack", "JSONStream", "YAML", "NATSClient", "Inference", "Observability",
                "Settings", "ObjectStore", "CurlClient", httpClient, logging, lifecycle,
            ]),
        tests(
            of: "Operator",
            nio + nioHTTP + nioHTTP2 + [
                "Kubernetes", "CurlClient", "Catalog", "Wire", "YAML", "JSONStream", "HTTPService", "Observability",
                "Settings", logging, lifecycle,
            ]),
        tests(of: "CLI", nio + ["YAML", "Catalog", "Settings"]),
        .testTarget(
            name: "IntegrationTests",
            dependencies: nio + nioHTTP + [httpClient, "TestSupport", "YAML", "JSONStream"],
            path: "Tests/Integration", exclude: ["Python", "JavaScript"], swiftSettings: strict),

        // benchmarks
        .target(name: "CPeak", path: "Benchmarks/CPeak"),
        .systemLibrary(name: "CEpoll", path: "Benchmarks/CEpoll"),
        .executableTarget(
            name: "Benchmarks",
            dependencies: nio + nioHTTP + [
                argumentParser, logging, "CNats", "NATSClient", "Wire", "MessagePack", "JSONStream", "Inference",
                "CKernels", "CPeak", "CEpoll", "CurlClient", "Kubernetes", "TestSupport",
            ],
            path: "Benchmarks",
            exclude: [
                "CPeak", "CEpoll", "Operator/kopf_peer.py", "Tokenizer/huggingface_peer.py", "Worker/compare.py",
                "Worker/onnxruntime_peer.py",
            ],
            swiftSettings: strict,
            linkerSettings: standalone),
    ]
)
