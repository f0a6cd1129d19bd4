import Actors
import FoundationEssentials

/// Asks its providers in order and keeps the first answer until shortly before it expires.
///
/// Owns what it was last given and the one refresh under way: any number of callers wait for that. A refresh that fails
/// while the old credentials still live is tried again with the next call, and the old ones are handed out.
package actor AWSCredentialChain: AWSCredentialProvider {
    /// Refreshed when less than this is left.
    static let refreshAhead: TimeInterval = 300

    private let providers: [any AWSCredentialProvider]
    private let wallClock: any WallClock
    private var known: AWSCredentials?
    private var refresh: Task<Result<AWSCredentials, AWSCredentialError>, Never>?

    package init(_ providers: [any AWSCredentialProvider], wallClock: any WallClock) {
        self.providers = providers
        self.wallClock = wallClock
    }

    /// As the SDKs do (AWS SDKs and Tools Reference Guide, "Standardized credential providers"): environment, web
    /// identity, shared files, container, instance.
    package init(environment: [String: String], region: String, http: HTTPClient, wallClock: any WallClock) {
        self.init(
            [
                EnvironmentCredentials(environment: environment),
                WebIdentityCredentials(environment: environment, region: region, http: http),
                SharedFileCredentials(environment: environment),
                ContainerCredentials(environment: environment, http: http),
                InstanceCredentials(environment: environment, http: http),
            ], wallClock: wallClock)
    }

    package func credentials() async throws(AWSCredentialError) -> AWSCredentials {
        if let known, !isEnding(known, within: Self.refreshAhead) { return known }
        let task =
            refresh
            ?? Task { [providers] in
                let result = await Self.ask(providers)
                self.finish(result)
                return result
            }
        refresh = task
        switch await task.value {
        case .success(let fresh): return fresh
        case .failure(let error):
            if let known, !isEnding(known, within: 0) { return known }
            throw error
        }
    }

    package func forget(_ credentials: AWSCredentials) {
        if known == credentials { known = nil }
    }

    private func finish(_ result: Result<AWSCredentials, AWSCredentialError>) {
        refresh = nil
        if case .success(let fresh) = result { known = fresh }
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
