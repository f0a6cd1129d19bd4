import Actors
import HTTPTypes
import Hummingbird

/// Rows 1 to 3 of the contract: sign-up, login, the caller's own account and its erasure.
struct AccountRoutes: Sendable {
    let services: APIServices

    @Sendable func signUp(_ request: Request, _ context: APIContext) async throws -> Response {
        var fields = try await FieldReader(request, services)
        let firstName = fields.required("first_name", maximumLength: 100)
        let lastName = fields.required("last_name", maximumLength: 100)
        let email = fields.email("email")
        let password = fields.newPassword("password1")
        let repetition = fields.repeatedPassword("password2")
        let city = fields.required("city", maximumLength: 100)
        let country = fields.required("country", maximumLength: 100)
        if let password, let repetition, password != repetition { fields.note(Self.differentPasswords) }
        try fields.finish()
        guard let firstName, let lastName, let email, let password, let city, let country else {
            throw APIError.internalError
        }
        guard password == repetition else {
            throw APIError(.badRequest, fields: [Self.differentPasswords])
        }
        let user: User
        do {
            user = try await services.node.accounts.signUp(
                .init(
                    firstName: firstName, lastName: lastName, email: email, password: password, city: city,
                    country: country), from: services.client(of: request, context))
        } catch {
            throw Self.apiError(error)
        }
        var members = try await tokenMembers(for: user)
        members["message"] = .text("Usuario creado exitosamente.")
        members["user"] = .object(Self.members(of: user))
        return .json(.created, .object(members))
    }

    @Sendable func logIn(_ request: Request, _ context: APIContext) async throws -> Response {
        var fields = try await FieldReader(request, services)
        let email = fields.email("email")
        let password = fields.password("password")
        try fields.finish()
        guard let email, let password else { throw APIError.internalError }
        let user: User?
        do {
            user = try await services.node.accounts.logIn(
                email: email, password: password, from: services.client(of: request, context))
        } catch {
            throw Self.apiError(error)
        }
        guard let user else { throw APIError.wrongCredentials }
        return .json(.ok, .object(try await tokenMembers(for: user)))
    }

    @Sendable func me(_ request: Request, _ context: APIContext) async throws -> Response {
        let bearer = try await services.tokens.bearer(of: request)
        guard let user = try await services.users.user(bearer.user), user.isActive, user.tokenEpoch == bearer.epoch
        else { throw APIError.unauthorized }
        var members = Self.members(of: user)
        members["is_active"] = .flag(user.isActive)
        members["created_at"] = .text(user.createdAt.rfc3339)
        return .json(.ok, .object(members))
    }

    @Sendable func erase(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try await services.callers.caller(of: request)
        guard try await services.node.erase(id) else { throw APIError.unauthorized }
        await services.callers.forgetAll()
        services.logger.notice(
            "account erased", metadata: ["user_id": "\(id)", "request_id": "\(context.requestID)"])
        return Response(status: .noContent)
    }

    private static let differentPasswords = FieldProblem(
        type: "value_error", location: ["body", "password2"],
        message: "Las contraseñas no coinciden (Passwords do not match)")

    private static func apiError(_ failure: AccountService.Failure) -> any Error {
        switch failure {
        case .emailTaken: APIError(.badRequest, "El email ya está registrado (Email already registered)")
        case .busy: APIError.unavailable(retryAfterSeconds: 5)
        case .throttled(let wait): APIError.throttled(retryAfter: wait)
        case .unavailable: failure
        }
    }

    private func tokenMembers(for user: User) async throws -> [String: JSONValue] {
        [
            "access_token": .text(try await services.tokens.token(for: user)),
            "token_type": .text("Bearer"),
            "expires_in": .number(services.tokens.life.inSeconds),
        ]
    }

    private static func members(of user: User) -> [String: JSONValue] {
        [
            "id": .text(user.id.description), "first_name": .text(user.firstName), "last_name": .text(user.lastName),
            "email": .text(user.email.text), "city": .text(user.city), "country": .text(user.country),
            "username": .text(user.username),
        ]
    }
}
