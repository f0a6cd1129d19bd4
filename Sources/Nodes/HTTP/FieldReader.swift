import Actors
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

/// Reads the members of a JSON body and collects what is wrong with each, so that all of it is told at once.
package struct FieldReader {
    private let members: [String: JSONValue]
    package private(set) var problems: [FieldProblem] = []

    package init(_ body: JSONValue) throws {
        guard case .object(let members) = body else {
            throw APIError(
                .unprocessableContent,
                fields: [
                    FieldProblem(
                        type: "model_attributes_type", location: ["body"],
                        message: "El cuerpo debe ser un objeto JSON (Input should be a valid JSON object)")
                ])
        }
        self.members = members
    }

    /// Reads a request's body within the limits of size and depth.
    package init(_ request: Request, _ services: APIServices) async throws {
        try await self.init(
            request, maximumBytes: services.maximumBodyBytes, maximumDepth: services.maximumJSONDepth)
    }

    package init(_ request: Request, maximumBytes: Int, maximumDepth: Int) async throws {
        let buffer: ByteBuffer
        do {
            buffer = try await request.body.collect(upTo: maximumBytes)
        } catch is NIOTooManyBytesError {
            throw APIError(.contentTooLarge, "El cuerpo de la petición es demasiado grande (Content too large)")
        } catch {
            // Broken off, or not framed as HTTP/1.1 wants it: the client's mistake.
            throw APIError(.badRequest, "El cuerpo de la petición está incompleto (The request's body is broken)")
        }
        // JSON is UTF-8 here; other encodings, which Foundation would take, have zero bytes.
        guard !buffer.readableBytesView.contains(0) else {
            throw APIError(
                .unprocessableContent,
                fields: [
                    FieldProblem(
                        type: "json_invalid", location: ["body"], message: "JSON inválido (JSON decode error)")
                ])
        }
        guard JSONValue.depth(of: buffer.readableBytesView) <= maximumDepth else {
            throw APIError(
                .unprocessableContent,
                fields: [
                    FieldProblem(
                        type: "json_invalid", location: ["body"],
                        message: "JSON con demasiados niveles (JSON nested too deeply, at most \(maximumDepth))")
                ])
        }
        let body: JSONValue
        do {
            body = try JSONDecoder().decode(JSONValue.self, from: Data(buffer.readableBytesView))
        } catch {
            throw APIError(
                .unprocessableContent,
                fields: [
                    FieldProblem(
                        type: "json_invalid", location: ["body"], message: "JSON inválido (JSON decode error)")
                ])
        }
        try self.init(body)
    }

    /// A string that is there and not only white space; trimmed.
    package mutating func required(_ name: String, maximumLength: Int = 200) -> String? {
        guard let text = string(name) else { return nil }
        let trimmed = text.trimmingWhitespace()
        if trimmed.isEmpty {
            add("string_too_short", name, "El campo no puede estar vacío (Field must not be blank)")
            return nil
        }
        if trimmed.unicodeScalars.count > maximumLength {
            add(
                "string_too_long", name,
                "Máximo \(maximumLength) caracteres (String should have at most \(maximumLength) characters)")
            return nil
        }
        if trimmed.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            add("value_error", name, "Contiene caracteres no permitidos (Control characters are not allowed)")
            return nil
        }
        return trimmed
    }

    package mutating func email(_ name: String) -> EmailAddress? {
        guard let text = required(name, maximumLength: 10_000) else { return nil }
        guard let email = EmailAddress(text) else {
            add("value_error", name, "El correo electrónico no es válido (value is not a valid email address)")
            return nil
        }
        return email
    }

    /// A password to be set.
    package mutating func newPassword(_ name: String) -> String? {
        guard let text = repeatedPassword(name) else { return nil }
        if text.unicodeScalars.count < PasswordRules.minimumLength {
            add(
                "string_too_short", name,
                "La contraseña debe tener al menos 8 caracteres (Password must be at least 8 characters)")
            return nil
        }
        if PasswordRules.common.contains(text.lowercased()) {
            add("value_error", name, "La contraseña es demasiado común (This password is too common)")
            return nil
        }
        return text
    }

    /// A password to be set, or its repetition: not blank.
    package mutating func repeatedPassword(_ name: String) -> String? {
        guard let text = password(name) else { return nil }
        if text.allSatisfy(\.isWhitespace) {
            add("string_too_short", name, "El campo no puede estar vacío (Field must not be blank)")
            return nil
        }
        if text.unicodeScalars.count > PasswordRules.maximumLength {
            add(
                "string_too_long", name,
                "Máximo \(PasswordRules.maximumLength) caracteres (String should have at most \(PasswordRules.maximumLength) characters)"
            )
            return nil
        }
        return text
    }

    /// Beside other problems, so that all are told at once.
    package mutating func note(_ problem: FieldProblem) {
        if !problems.isEmpty { problems.append(problem) }
    }

    /// As it is: white space counts.
    package mutating func password(_ name: String) -> String? {
        guard let text = string(name) else { return nil }
        if text.isEmpty {
            add("string_too_short", name, "El campo no puede estar vacío (Field must not be blank)")
            return nil
        }
        if text.utf8.count > PasswordRules.maximumBytes {
            add("string_too_long", name, "La contraseña es demasiado larga (Password is too long)")
            return nil
        }
        return text
    }

    /// - Throws: 422 with every problem found.
    package func finish() throws {
        if !problems.isEmpty { throw APIError(.unprocessableContent, fields: problems) }
    }

    private mutating func string(_ name: String) -> String? {
        switch members[name] {
        case .text(let text): return text
        case nil:
            add("missing", name, "El campo es obligatorio (Field required)")
            return nil
        default:
            add("string_type", name, "Debe ser un texto (Input should be a valid string)")
            return nil
        }
    }

    private mutating func add(_ type: String, _ name: String, _ message: String) {
        problems.append(FieldProblem(type: type, location: ["body", name], message: message))
    }
}

/// NIST SP 800-63B, 3.1.1.2: length and a list of common ones, no composition rules.
package enum PasswordRules {
    package static let minimumLength = 8
    package static let maximumLength = 256
    /// Bounds the work of hashing.
    package static let maximumBytes = 1024
    package static let common: Set<String> = [
        "12345678", "123456789", "1234567890", "87654321", "11111111", "00000000", "12341234", "password", "password1",
        "passw0rd", "qwertyui", "qwerty12", "qwerty123", "qwertyuiop", "1q2w3e4r", "1qaz2wsx", "abcd1234", "iloveyou",
        "princess", "sunshine", "football", "baseball", "basketball", "superman", "trustno1", "contraseña",
        "contrasena", "teamo123",
    ]
}

extension String {
    func trimmingWhitespace() -> String {
        let start = drop(while: \.isWhitespace)
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}
