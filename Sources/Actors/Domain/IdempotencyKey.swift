/// A client's name for one of its requests, which may come more than once: it takes effect once, and each repetition
/// gets the first answer (IETF draft-ietf-httpapi-idempotency-key-header).
package struct IdempotencyKey: Sendable, Hashable {
    /// Remembered for this long.
    package static let memory: Duration = .seconds(24 * 3600)
    package static let maximumLength = 255
    /// Remembered of one account at a time.
    package static let maximumOfUser = 2000

    package enum Route: String, Sendable {
        case upload, vote
    }

    package let user: UserID
    package let route: Route
    package let text: String

    /// Nil unless `text` is 1 to 255 visible ASCII characters.
    package init?(_ text: String, of user: UserID, route: Route) {
        guard (1...Self.maximumLength).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        self.user = user
        self.route = route
        self.text = text
    }
}

/// Names one request's hold on its key, until it is answered.
package enum Reservation {}
package typealias ReservationToken = Identifier<Reservation>

/// What was asked under a key, and what it was answered.
package struct RememberedAnswer: Sendable, Equatable {
    /// Equal for requests that ask for the same.
    package let payload: String
    package let answer: String

    package init(payload: String, answer: String) {
        self.payload = payload
        self.answer = answer
    }
}

/// An answer that is to be remembered in the transaction of its effect.
package struct AnswerOnce: Sendable, Equatable {
    package let token: ReservationToken
    package let remembered: RememberedAnswer

    package init(token: ReservationToken, remembered: RememberedAnswer) {
        self.token = token
        self.remembered = remembered
    }
}
