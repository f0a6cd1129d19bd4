import Testing

extension Integration.Contract {
    @Suite("accounts: sign-up, login, me") struct Accounts {
        private static let fields: Set<String> = [
            "id", "first_name", "last_name", "email", "city", "country", "username",
        ]

        private static func form(_ changes: [String: JSON] = [:], email: String = API.freshEmail()) -> JSON {
            .object(
                API.signUpForm(first: "Rosa", last: "Vega", email: email, city: "Cali").merging(changes) { $1 })
        }

        @Test("a sign-up answers with the account and a token that works")
        func signUp() async throws {
            let api = try Season.current.api
            let email = API.freshEmail()
            let answer = try await api.post("/api/auth/signup", Self.form(email: email))
            #expect(answer.status == 201)
            let json = answer.json
            #expect(json["message"] == "Usuario creado exitosamente.")
            #expect(json["token_type"] == "Bearer")
            #expect(json["expires_in"] == 3600)
            let user = try #require(json["user"])
            #expect(user.names?.isSuperset(of: Self.fields) == true)
            #expect(user["id"]?.text?.isLowerCaseUUID == true)
            #expect(user["email"] == .text(email))
            #expect(user["first_name"] == "Rosa" && user["last_name"] == "Vega")
            #expect(user["city"] == "Cali" && user["country"] == "Colombia")
            #expect(!answer.text.contains(API.password) && !answer.text.contains("scrypt"))
            let me = try await api.get("/api/auth/me", token: json["access_token"]?.text)
            #expect(me.status == 200)
            #expect(me.json["id"] == user["id"])
        }

        @Test("me has every field of the contract and nothing secret")
        func me() async throws {
            let season = try Season.current
            let answer = try await season.api.get("/api/auth/me", token: season.player.token)
            #expect(answer.json.names?.isSuperset(of: Self.fields.union(["is_active", "created_at"])) == true)
            #expect(answer.json["is_active"] == true)
            #expect(answer.json["created_at"]?.text?.isUTCTime == true)
            #expect(answer.json["username"] == .text(season.player.username))
            #expect(!answer.text.contains("password") && !answer.text.contains("scrypt"))
        }

        @Test("usernames are made from the name, with 2, 3, … for namesakes, and never from the e-mail address")
        func usernames() async throws {
            let api = try Season.current.api
            let first = try await api.signUp(first: "John", last: "Doe", email: "first.secret@example.com")
            let second = try await api.signUp(first: "john", last: "DOE")
            let third = try await api.signUp(first: " John ", last: " Doe ")
            #expect(first.username == "john.doe")
            #expect(second.username == "john.doe2")
            #expect(third.username == "john.doe3")
        }

        @Test(
            "usernames are ASCII whatever the name",
            arguments: [("José", "Núñez", "jose.nunez"), ("María José", "Peña-Ruiz", "mariajose.penaruiz")])
        func foldedUsername(first: String, last: String, username: String) async throws {
            let player = try await Season.current.api.signUp(first: first, last: last)
            #expect(player.username == username)
        }

        @Test("a name without a Latin letter still gets a username")
        func foreignName() async throws {
            let player = try await Season.current.api.signUp(first: "李", last: "娜")
            #expect(!player.username.isEmpty)
            #expect(player.username.utf8.allSatisfy { $0 < 0x80 })
        }

        @Test("an e-mail address is taken whatever its case, and logs in whatever its case")
        func emailCase() async throws {
            let api = try Season.current.api
            let name = "mixed\(UInt32.random(in: .min ... .max))"
            _ = try await api.signUp(email: "\(name)@Example.com")
            let again = try await api.post("/api/auth/signup", Self.form(email: "\(name.uppercased())@example.COM"))
            expectError(again, 400, "El email ya está registrado", "Email already registered")
            #expect(again.detailText.contains("Email already registered"))
            expectBilingual(again)
            let login = try await api.post(
                "/api/auth/login",
                ["email": .text("\(name.uppercased())@EXAMPLE.com"), "password": .text(API.password)])
            #expect(login.status == 200)
        }

        @Test("of two sign-ups with one e-mail address at the same time one is refused")
        func signUpRace() async throws {
            let api = try Season.current.api
            let form = Self.form(email: API.freshEmail())
            async let first = api.post("/api/auth/signup", form)
            async let second = api.post("/api/auth/signup", form)
            #expect(try await [first.status, second.status].sorted() == [201, 400])
        }

        @Test("passwords that differ are 400 and name password2")
        func passwordsDiffer() async throws {
            let answer = try await Season.current.api.post(
                "/api/auth/signup", Self.form(["password2": "something else 9"]))
            expectError(answer, 400, "Las contraseñas no coinciden (Passwords do not match)")
            #expect(answer.wrongFields == ["body.password2"])
        }

        @Test("422 names every missing field at once")
        func missingFields() async throws {
            let answer = try await Season.current.api.post("/api/auth/signup", [:])
            expectError(answer, 422)
            let names = ["first_name", "last_name", "email", "password1", "password2", "city", "country"]
            #expect(answer.wrongFields == Set(names.map { "body.\($0)" }))
            #expect(answer.json["detail"]?.items?.allSatisfy { $0["type"] == "missing" } == true)
        }

        @Test("422 names every wrong field at once, whatever is wrong with it")
        func wrongFields() async throws {
            let answer = try await Season.current.api.post(
                "/api/auth/signup",
                Self.form([
                    "first_name": "  ", "last_name": 7, "email": "not-an-address", "password1": "short",
                    "city": .null, "country": "",
                ]))
            expectError(answer, 422, "value is not a valid email address", "Password must be at least 8 characters")
            #expect(
                answer.wrongFields
                    == Set(["first_name", "last_name", "email", "password1", "city", "country"].map { "body.\($0)" }))
            expectBilingual(answer)
        }

        @Test(
            "a malformed e-mail address is 422",
            arguments: [
                "", " ", "a", "a@", "@b.co", "a@b", "a b@c.co", "a@b..co", "a@@b.co", "a@b.co\\0", "a@-b.co",
                String(repeating: "a", count: 300) + "@b.co", "a@b.co\r\nBcc: x@y.z",
            ])
        func malformedEmail(email: String) async throws {
            let api = try Season.current.api
            let signUp = try await api.post("/api/auth/signup", Self.form(email: email.withNUL))
            expectError(signUp, 422)
            #expect(signUp.wrongFields == ["body.email"])
            let login = try await api.post(
                "/api/auth/login", ["email": .text(email.withNUL), "password": "whatever 1"])
            expectError(login, 422)
        }

        @Test("a common password is 422, one without digits or capitals is not", arguments: ["password1", "12345678"])
        func commonPassword(password: String) async throws {
            let api = try Season.current.api
            let common = try await api.post(
                "/api/auth/signup", Self.form(["password1": .text(password), "password2": .text(password)]))
            expectError(common, 422)
            #expect(common.wrongFields == ["body.password1"])
            let plain = try await api.post(
                "/api/auth/signup", Self.form(["password1": "solo letras", "password2": "solo letras"]))
            #expect(plain.status == 201)
        }

        @Test(
            "text that no name holds is refused as the client's mistake",
            arguments: ["a\\0b", "a\nb", String(repeating: "x", count: 5000)])
        func hostileName(name: String) async throws {
            let answer = try await Season.current.api.post(
                "/api/auth/signup", Self.form(["first_name": .text(name.withNUL)]))
            expectError(answer, 422)
            #expect(answer.wrongFields == ["body.first_name"])
        }

        @Test("blank passwords are blank fields, and a repetition that differs is told beside other mistakes")
        func blankPasswords() async throws {
            let api = try Season.current.api
            for field in ["password1", "password2"] {
                let answer = try await api.post("/api/auth/signup", Self.form([field: "          "]))
                expectError(answer, 422)
                #expect(answer.wrongFields == ["body.\(field)"])
            }
            let both = try await api.post(
                "/api/auth/signup", Self.form(["email": "no", "password2": "otra distinta 9"]))
            expectError(both, 422)
            #expect(both.wrongFields == ["body.email", "body.password2"])
            let long = try await api.post(
                "/api/auth/signup",
                Self.form(["password1": .text(String(repeating: "ab3 ", count: 65))]))
            expectError(long, 422)
            #expect(long.wrongFields == ["body.password1"])
        }

        @Test("a login answers with a token that works")
        func logIn() async throws {
            let season = try Season.current
            let answer = try await season.api.post(
                "/api/auth/login", ["email": .text(season.player.email), "password": .text(API.password)])
            #expect(answer.status == 200)
            #expect(answer.json["token_type"] == "Bearer")
            #expect(answer.json["expires_in"] == 3600)
            let me = try await season.api.get("/api/auth/me", token: answer.json["access_token"]?.text)
            #expect(me.json["id"]?.text == season.player.id)
        }

        @Test("a wrong password and an unknown account are told the same, at the same cost")
        func wrongCredentials() async throws {
            let season = try Season.current
            func attempt(_ email: String) async throws -> (answer: Answer, time: Duration) {
                let start = ContinuousClock.now
                let answer = try await season.api.post(
                    "/api/auth/login", ["email": .text(email), "password": "no es esta 1"])
                return (answer, ContinuousClock.now - start)
            }
            let known = try await attempt(season.player.email)
            let unknown = try await attempt("nobody@example.com")
            expectError(known.answer, 401, "Credenciales inválidas (Invalid credentials)")
            #expect(known.answer.body == unknown.answer.body)
            #expect(known.answer.status == unknown.answer.status)
            // scrypt costs tens of milliseconds and a refusal without it under five: a factor of 4 is far from both. The
            // least of several, in turns: what else the machine does only adds.
            var times = (known: known.time, unknown: unknown.time)
            for _ in 0..<4 {
                times.known = min(times.known, try await attempt(season.player.email).time)
                times.unknown = min(times.unknown, try await attempt("nobody@example.com").time)
            }
            #expect(times.unknown * 4 > times.known)
        }

        @Test("a login without fields names both")
        func loginWithoutFields() async throws {
            let answer = try await Season.current.api.post("/api/auth/login", [:])
            expectError(answer, 422)
            #expect(answer.wrongFields == ["body.email", "body.password"])
        }
    }
}
