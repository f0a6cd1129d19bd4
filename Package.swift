// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
]

/// A run of the simulation takes a third less time when the runtime's calls need no table of the linker.
let staticRuntime: [LinkerSetting] = [
    // lld: the other linker warns of what Foundation has within.
    .unsafeFlags([
        "-use-ld=lld", "-static-stdlib", "-l_FoundationCShims", "-l_FoundationCollections", "-l_FoundationCShims",
    ])
]

/// Code of tests is built once and run once: optimising it would take a third of a build from nothing.
let tests = strict + [.unsafeFlags(["-Onone"])]

let package = Package(
    name: "anb",
    products: [
        .executable(name: "anb", targets: ["Nodes"]),
        .executable(name: "simulate", targets: ["Simulate"]),
        .library(name: "clockshift", type: .dynamic, targets: ["ClockShift"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CLibCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CChecksum"),
        .target(
            name: "Actors",
            dependencies: [
                .product(name: "Logging", package: "swift-log"),
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: strict,
        ),
        .target(
            name: "Transport",
            dependencies: [
                "Actors", "CChecksum", "CLibPQ", "CLibCurl", "CZlib",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            swiftSettings: strict,
        ),
        .executableTarget(
            name: "Nodes",
            dependencies: [
                "Actors", "Transport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict,
        ),
        .target(
            name: "Simulation",
            dependencies: [
                "Actors",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/Simulation",
            swiftSettings: strict,
        ),
        .executableTarget(
            name: "Simulate",
            dependencies: ["Simulation", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Tests/Simulate",
            swiftSettings: strict,
            linkerSettings: staticRuntime,
        ),
        // Stands for the product's binary in the tests of the embedded database: starts in milliseconds.
        .executableTarget(
            name: "guardianlab",
            dependencies: ["Transport", .product(name: "Logging", package: "swift-log")],
            path: "Tests/GuardianLab",
            swiftSettings: strict,
        ),
        // Preloaded into nodes whose date is to be wrong.
        .target(name: "ClockShift", path: "Tests/ClockShift"),
        .testTarget(name: "ActorsTests", dependencies: ["Actors"], swiftSettings: tests),
        .testTarget(
            name: "TransportTests", dependencies: ["Transport", "Simulation", "guardianlab"],
            exclude: ["Contracts/sign_with_botocore.py"], swiftSettings: tests),
        .testTarget(
            name: "NodesTests",
            dependencies: [
                "Actors", "Nodes", "Transport",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            exclude: ["Fuzz/corpus"], swiftSettings: tests),
        .testTarget(
            name: "SimulationTests", dependencies: ["Actors", "Simulation"], exclude: ["corpus"], swiftSettings: tests),
        .testTarget(
            name: "IntegrationTests",
            dependencies: ["Transport", "Nodes", .product(name: "Logging", package: "swift-log")],
            swiftSettings: tests,
        ),
    ],
    swiftLanguageModes: [.v6],
)
