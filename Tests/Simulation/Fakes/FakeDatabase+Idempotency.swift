import Actors

/// A row of the keys' table.
struct KeyRow: Sendable {
    var token: ReservationToken
    var payload: String?
    var answer: String?
    var heldUntil: Int64
    var reservedAt: Int64
}

extension FakeDatabase {
    func reserve(_ key: IdempotencyKey, payload: String?, token: ReservationToken, hold: Duration)
        -> ReservationVerdict
    {
        if let row = keys[key], row.token != token, row.reservedAt >= now - nanoseconds(IdempotencyKey.memory) {
            if let payload = row.payload, let answer = row.answer {
                return .answered(RememberedAnswer(payload: payload, answer: answer))
            }
            if row.answer == nil, row.heldUntil >= now { return .inProgress }
        }
        if keys[key] == nil, keys.keys.count(where: { $0.user == key.user }) >= IdempotencyKey.maximumOfUser {
            return .tooMany
        }
        keys[key] = KeyRow(
            token: token, payload: payload, answer: nil, heldUntil: now + nanoseconds(hold), reservedAt: now)
        return .reserved
    }

    func renew(_ token: ReservationToken, hold: Duration) {
        guard let key = key(of: token) else { return }
        keys[key]?.heldUntil = now + nanoseconds(hold)
    }

    func remember(_ answer: AnswerOnce) {
        guard let key = key(of: answer.token) else { return }
        keys[key]?.payload = answer.remembered.payload
        keys[key]?.answer = answer.remembered.answer
    }

    func answer(_ token: ReservationToken, _ verdict: VoteVerdict) {
        guard let key = key(of: token), keys[key]?.answer == nil else { return }
        keys[key]?.answer = verdict.text
    }

    func release(_ token: ReservationToken) {
        guard let key = key(of: token), keys[key]?.answer == nil else { return }
        keys[key] = nil
    }

    func pruneKeys() { keys = keys.filter { $0.value.reservedAt >= now - nanoseconds(IdempotencyKey.memory) } }

    func key(of token: ReservationToken) -> IdempotencyKey? { keys.first { $0.value.token == token }?.key }
}
