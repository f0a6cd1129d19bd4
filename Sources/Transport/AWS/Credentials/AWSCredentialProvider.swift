/// Where credentials come from. A provider that has none says so, and the next one of the chain is asked.
package protocol AWSCredentialProvider: Sendable {
    /// Good for at least some minutes. Cheap when nothing has to be refreshed.
    func credentials() async throws(AWSCredentialError) -> AWSCredentials
    /// The service says that they are not good any more: the next call looks for others.
    func forget(_ credentials: AWSCredentials) async
}

extension AWSCredentialProvider {
    package func forget(_ credentials: AWSCredentials) async {}
}

package enum AWSCredentialError: Error, Sendable, Equatable {
    /// This source is not configured.
    case absent(source: String)
    /// It is configured and does not work: the chain ends here, as the SDKs' does.
    case broken(source: String, reason: String)
}

/// Credentials that never change.
package struct StaticCredentials: AWSCredentialProvider {
    private let fixed: AWSCredentials

    package init(_ credentials: AWSCredentials) {
        fixed = credentials
    }

    package func credentials() async throws(AWSCredentialError) -> AWSCredentials { fixed }
}
