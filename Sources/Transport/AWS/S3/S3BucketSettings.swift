import Actors
import Crypto
import FoundationEssentials

/// What an operator sets on the bucket: whether it is there, what leaves it by itself, encryption, and that nobody
/// outside can be given access (S3 API Reference; Amazon S3 User Guide, "Managing the lifecycle of objects").
package struct S3BucketSettings: Sendable {
    let store: S3ObjectStore

    package init(_ store: S3ObjectStore) {
        self.store = store
    }

    package var name: String { store.bucket.name }

    package func exists() async throws(ObjectStoreError) -> Bool {
        do {
            try await store.check()
            return true
        } catch {
            if case .rejected(let reason) = error, reason.contains(" 404 ") { return false }
            throw error
        }
    }

    /// `us-east-1` is where S3 makes a bucket without being told, and the one region that must not be told.
    package func create() async throws(ObjectStoreError) {
        let region = store.client.endpoint.region
        let body =
            region == "us-east-1"
            ? ""
            : "<CreateBucketConfiguration><LocationConstraint>\(region)</LocationConstraint></CreateBucketConfiguration>"
        try await put([], body, "make the bucket", action: "s3:CreateBucket")
    }

    /// Each rule as `prefix days` and `incomplete uploads days`.
    package func lifecycle() async throws(ObjectStoreError) -> [String] {
        guard let document = try await get("lifecycle", action: "s3:GetLifecycleConfiguration") else { return [] }
        return document.all("Rule").filter { $0["Status"]?.text == "Enabled" }.flatMap { rule in
            let prefix = rule["Filter"]?["Prefix"]?.text ?? rule["Prefix"]?.text ?? ""
            let days = rule["Expiration"]?["Days"].map { "\(prefix) \($0.text)" }
            let aborted = rule["AbortIncompleteMultipartUpload"]?["DaysAfterInitiation"].map {
                "incomplete uploads \($0.text)"
            }
            return [days, aborted].compactMap { $0 }
        }.sorted()
    }

    private static let temporaryRule = "temporary"
    private static let uploadsRule = "incomplete-uploads"

    /// The whole document is replaced, so another rule in it is a reason to leave it alone.
    /// - Parameter prefix: its objects are removed after a day.
    package func setLifecycle(temporary prefix: String) async throws(ObjectStoreError) {
        let rules = try await get("lifecycle", action: "s3:GetLifecycleConfiguration")?.all("Rule") ?? []
        let others = rules.map { $0["ID"]?.text ?? "" }.filter { ![Self.temporaryRule, Self.uploadsRule].contains($0) }
        guard others.isEmpty else {
            throw .rejected(
                "the bucket has lifecycle rules of others (\(others.joined(separator: ", "))): add to them that \(prefix) "
                    + "and incomplete uploads end after one day")
        }
        try await put(
            [.init("lifecycle", "")],
            "<LifecycleConfiguration>"
                + "<Rule><ID>\(Self.temporaryRule)</ID><Status>Enabled</Status><Filter><Prefix>\(prefix)</Prefix></Filter>"
                + "<Expiration><Days>1</Days></Expiration></Rule>"
                + "<Rule><ID>\(Self.uploadsRule)</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>"
                + "<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation>"
                + "</AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>",
            "set the lifecycle", action: "s3:PutLifecycleConfiguration")
    }

    /// `AES256` or `aws:kms`; nil without any.
    package func encryption() async throws(ObjectStoreError) -> String? {
        try await get("encryption", action: "s3:GetEncryptionConfiguration")?["Rule"]?[
            "ApplyServerSideEncryptionByDefault"]?["SSEAlgorithm"]?.text
    }

    package func setEncryption() async throws(ObjectStoreError) {
        try await put(
            [.init("encryption", "")],
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
                + "<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>"
                + "</ServerSideEncryptionConfiguration>", "set the encryption", action: "s3:PutEncryptionConfiguration")
    }

    private static let blocks = [
        "BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets",
    ]

    package func isPublicAccessBlocked() async throws(ObjectStoreError) -> Bool {
        guard let document = try await get("publicAccessBlock", action: "s3:GetBucketPublicAccessBlock") else {
            return false
        }
        return Self.blocks.allSatisfy { document[$0]?.text.lowercased() == "true" }
    }

    package func blockPublicAccess() async throws(ObjectStoreError) {
        let blocks = Self.blocks.map { "<\($0)>true</\($0)>" }.joined()
        try await put(
            [.init("publicAccessBlock", "")],
            "<PublicAccessBlockConfiguration>\(blocks)</PublicAccessBlockConfiguration>", "block public access",
            action: "s3:PutBucketPublicAccessBlock")
    }

    // MARK: - Requests

    /// Nil when nothing is set.
    private func get(_ setting: String, action: String) async throws(ObjectStoreError) -> XMLElement? {
        let request = store.bucket.request("GET", nil, on: store.client.endpoint, query: [.init(setting, "")])
        do {
            let answer = try await store.send(request, .none, "read \(setting)", nil, action: action)
            return XMLElement(parsing: answer.body)
        } catch {
            // NoSuchLifecycleConfiguration, ServerSideEncryptionConfigurationNotFoundError, NoSuchPublicAccessBlock….
            if case .rejected(let reason) = error, reason.contains(" 404 "), !reason.contains("NoSuchBucket") {
                return nil
            }
            throw error
        }
    }

    private func put(
        _ query: [AWSRequest.QueryItem], _ document: String, _ what: String, action: String
    ) async throws(ObjectStoreError) {
        let body = Array(document.utf8)
        let request = store.bucket.request(
            "PUT", nil, on: store.client.endpoint, query: query,
            headers: [
                "Content-Type": "application/xml",
                "Content-MD5": Data(Insecure.MD5.hash(data: body)).base64EncodedString(),
            ], payload: .hash(SignatureV4.sha256(body)))
        _ = try await store.send(request, .bytes(body), what, nil, action: action)
    }
}
