import Actors
import FoundationEssentials
import Logging

/// Asks its providers in order and keeps the first answer until shortly before it expires.
///
/// Owns what it was last given and the one refresh under way. Callers wait for that only when there is nothing that is
/// still good: a refresh ahead of the end goes on beside them, and one that fails is tried again after `refreshPause`.
package actor AWSCredentialChain: AWSCredentialProvider {
    /// Refreshed when less than this is left.
    static let refreshAhead: TimeInterval = 300
    /// Between two refreshes ahead of the end.
    static let refreshPause: TimeInterval = 10

    private let providers: [any AWSCredentialProvider]
    private let wallClock: any WallClock
    private var known: AWSCredentials?
    private var lastTry: Date?
    private let logger: Logger
    private var refresh: Task<Result<AWSCredentials, AWSCredentialError>, Never>?

    package init(_ providers: [any AWSCredentialProvider], wallClock: any WallClock, logger: Logger) {
        self.providers = providers
        self.logger = logger
        self.wallClock = wallClock
    }

    /// As the SDKs do (AWS SDKs and Tools Reference Guide, "Standardized credential providers"): environment, web
    /// identity, shared files, container, instance.
    package init(
        environment: [String: String], region: String, http: HTTPClient, wallClock: any WallClock, logger: Logger
    ) {
        self.init(
            [
                EnvironmentCredentials(environment: environment),
                WebIdentityCredentials(environment: environment, region: region, http: http),
                SharedFileCredentials(environment: environment),
                ContainerCredentials(environment: environment, http: http),
                InstanceCredentials(environment: environment, http: http),
            ], wallClock: wallClock, logger: logger)
    }

    package func credentials() async throws(AWSCredentialError) -> AWSCredentials {
        if let known, !isEnding(known, within: 0) {
            if isEnding(known, within: Self.refreshAhead), refresh == nil, mayTryAgain { _ = beginRefresh() }
            return known
        }
        return try await (refresh ?? beginRefresh()).value.get()
    }

    private func beginRefresh() -> Task<Result<AWSCredentials, AWSCredentialError>, Never> {
        lastTry = wallClock.now
        let task = Task { [providers] in
            let result = await Self.ask(providers)
            self.finish(result)
            return result
        }
        refresh = task
        return task
    }

    private var mayTryAgain: Bool {
        lastTry.map { abs(wallClock.now.timeIntervalSince($0)) >= Self.refreshPause } ?? true
    }

    package func forget(_ credentials: AWSCredentials) {
        if known == credentials { known = nil }
    }

    private func finish(_ result: Result<AWSCredentials, AWSCredentialError>) {
        refresh = nil
        switch result {
        case .success(let fresh): known = fresh
        // An alarm of the template looks for these words.
        case .failure(let error):
            logger.warning(
                "credentials could not be refreshed",
                metadata: ["reason": "\(error)", "good_until": "\(known?.expiresAt.map { "\($0)" } ?? "-")"])
        }
    }

    private func isEnding(_ credentials: AWSCredentials, within seconds: TimeInterval) -> Bool {
        guard let end = credentials.expiresAt else { return false }
        return end.timeIntervalSince(wallClock.now) <= seconds
    }

    private static func ask(_ providers: [any AWSCredentialProvider]) async -> Result<
        AWSCredentials, AWSCredentialError
    > {
        var absent: [String] = []
        for provider in providers {
            do throws(AWSCredentialError) {
                return .success(try await provider.credentials())
            } catch {
                guard case .absent(let source) = error else { return .failure(error) }
                absent.append(source)
            }
        }
        return .failure(.absent(source: absent.joined(separator: ", ")))
    }
}
