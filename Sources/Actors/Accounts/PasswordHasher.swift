/// The port to the password hash: slow on purpose, so it runs beside the cooperative pool and its queue is bounded.
package protocol PasswordHasher: Sendable {
    /// A PHC string with a salt of its own.
    func hash(_ password: String) async throws(PasswordHasherError) -> String
    /// `nil` as `encoded` costs the same as a real comparison and is never true.
    func verify(_ password: String, against encoded: String?) async throws(PasswordHasherError) -> Bool
}

package enum PasswordHasherError: Error, Sendable, Equatable {
    /// The queue is full.
    case busy
    case cancelled
}
