/// What the document says of rows 1 to 3.
extension AccountRoutes {
    static let signUpOperation = Operation(
        id: "signUp", group: .accounts, summary: "Crear una cuenta (Sign up)",
        description: "The username is made of the name, never of the e-mail address.", body: .json("SignUp"),
        responses: [
            .init(status: 201, description: "The account, and a token for it.", content: .component("SignedUp"))
        ],
        errors: [
            400: "The e-mail address is taken, whatever its case, or the passwords differ.",
            413: "The body is too large.", 422: "Fields are missing, blank or malformed: all of them are named.",
            429: "Too many sign-ups from this network address, or with this e-mail address; Retry-After says when.",
        ])

    static let logInOperation = Operation(
        id: "logIn", group: .accounts, summary: "Iniciar sesión (Log in)", body: .json("LogIn"),
        responses: [.init(status: 200, description: "A token, and its life in seconds.", content: .component("Token"))],
        errors: [
            401: "Address or password is wrong; it is not said which.", 413: "The body is too large.",
            422: "Fields are missing or malformed.",
            429: "Too many wrong passwords of this account, or from this network address; Retry-After says when.",
        ])

    static let meOperation = Operation(
        id: "me", group: .accounts, summary: "Mi cuenta (My account)", needsToken: true,
        responses: [.init(status: 200, description: "The caller's account.", content: .component("Account"))])

    static let eraseOperation = Operation(
        id: "eraseAccount", group: .accounts, summary: "Borrar mi cuenta (Erase my account)",
        description:
            "The account, all its videos and their files are gone, and its votes in an open contest; its tokens die at once.",
        needsToken: true, responses: [.init(status: 204, description: "It is gone.", content: .none)])
}
