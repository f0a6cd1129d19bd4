import FoundationEssentials

/// A file on the node's own disk, by absolute path.
package struct LocalFile: Hashable, Sendable {
    package let path: String

    package init(_ path: String) {
        self.path = path
    }
}

package struct ObjectAttributes: Sendable, Equatable {
    package let key: ObjectKey
    package let sizeBytes: Int64
    package let modifiedAt: Date

    package init(key: ObjectKey, sizeBytes: Int64, modifiedAt: Date) {
        self.key = key
        self.sizeBytes = sizeBytes
        self.modifiedAt = modifiedAt
    }
}

/// Sorted by what the caller can do.
package enum ObjectStoreError: Error, Sendable, Equatable {
    /// Not reached, or the answer was lost: the effect may or may not have happened. Every operation may be repeated.
    case unavailable(String)
    case notFound(ObjectKey)
    /// No room: nothing was stored.
    case full
    /// Repeating will not help: permission, configuration.
    case rejected(String)
}

/// What a signed URL is for.
package struct SignedURLRequest: Hashable, Sendable {
    package let key: ObjectKey
    package let contentType: String
    /// The file name that a browser offers; nil plays in place.
    package let downloadName: String?
    /// Scheme and authority (`https://anb.example`) for stores whose URLs lead to a node of ours; S3 ignores it.
    package let origin: String

    package init(key: ObjectKey, contentType: String, downloadName: String? = nil, origin: String) {
        self.key = key
        self.contentType = contentType
        self.downloadName = downloadName
        self.origin = origin
    }
}

package struct SignedURL: Sendable, Equatable {
    package let url: String
    package let expiresAt: Date

    package init(url: String, expiresAt: Date) {
        self.url = url
        self.expiresAt = expiresAt
    }
}

/// The port to where objects are kept: a folder, S3. Every operation may be repeated without harm.
///
/// Objects are whole or absent: a reader never sees part of one. Cancellation ends an operation early with
/// `.unavailable`; what it had begun leaves no object.
package protocol ObjectStore: Sendable {
    /// Stores the file under `key`, replacing what is there, and durably so on return. The file may be consumed (a
    /// store on the same disk renames it); on failure it is either still there or gone.
    func put(_ file: LocalFile, at key: ObjectKey, contentType: String) async throws(ObjectStoreError)
    /// Writes the object's bytes to `file`, which must not exist; may be a link, so the reader must not modify it.
    func fetch(_ key: ObjectKey, into file: LocalFile) async throws(ObjectStoreError)
    /// Nil when there is none.
    func attributes(of key: ObjectKey) async throws(ObjectStoreError) -> ObjectAttributes?
    /// Absent keys are no error. At most 1,000 keys.
    func delete(_ keys: [ObjectKey]) async throws(ObjectStoreError)
    /// Up to `limit` (1 to 1,000) objects with the prefix, in key order, after `after`.
    func list(_ prefix: ObjectPrefix, after: ObjectKey?, limit: Int) async throws(ObjectStoreError)
        -> [ObjectAttributes]
    /// A URL by which anyone can read the object until it expires. The object need not exist.
    func signedURL(for request: SignedURLRequest, validFor: Duration) async throws(ObjectStoreError) -> SignedURL
    /// Whether objects can be written and read at the moment.
    func check() async throws(ObjectStoreError)
}
