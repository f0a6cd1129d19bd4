import FoundationEssentials

/// What sign-up stores.
package struct NewUser: Sendable, Equatable {
    package let id: UserID
    package let firstName: String
    package let lastName: String
    package let email: EmailAddress
    package let city: String
    package let country: String
    /// See `Username.base`; the repository appends a number when it is taken.
    package let usernameBase: String
    /// PHC string.
    package let passwordHash: String

    package init(
        id: UserID, firstName: String, lastName: String, email: EmailAddress, city: String, country: String,
        usernameBase: String, passwordHash: String
    ) {
        self.id = id
        self.firstName = firstName
        self.lastName = lastName
        self.email = email
        self.city = city
        self.country = country
        self.usernameBase = usernameBase
        self.passwordHash = passwordHash
    }
}

package enum CreateUserVerdict: Sendable, Equatable {
    /// Also for a repetition with the same id.
    case created(User)
    case emailTaken
}

package struct Account: Sendable, Equatable {
    package let user: User
    package let passwordHash: String

    package init(user: User, passwordHash: String) {
        self.user = user
        self.passwordHash = passwordHash
    }
}

/// What an erasure leaves to be done.
package struct ErasedAccount: Sendable, Equatable {
    /// Of all its videos: originals, results, posters, whether or not they exist.
    package let objects: [ObjectKey]

    package init(objects: [ObjectKey]) {
        self.objects = objects
    }
}

package protocol UserRepository: Sendable {
    /// The city is stored as written and folded (`FoldedText`), for filters.
    func create(_ user: NewUser) async throws(RepositoryError) -> CreateUserVerdict
    func account(email: EmailAddress) async throws(RepositoryError) -> Account?
    func user(_ id: UserID) async throws(RepositoryError) -> User?
    /// Removes the account, its videos with their votes, and its own votes; the tallies that this changes go into the
    /// feed in the same transaction. Announces `.videos`, `.votes` and `.accounts`. Nil for an account that is not
    /// there, and so for a repetition.
    func erase(_ id: UserID) async throws(RepositoryError) -> ErasedAccount?
}
