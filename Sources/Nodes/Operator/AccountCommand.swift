import Actors
import ArgumentParser
import Transport

/// `anb account revoke EMAIL`: a lost phone, a stolen token.
struct AccountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account", abstract: "Act on one account.", subcommands: [Revoke.self])

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke",
            abstract: "Make all access tokens of an account void, on every node within two seconds.",
            discussion: "The account stays, and logs in again with its password. Exit code 1 when there is none.")

        @OptionGroup var options: OperatorOptions

        func run() async throws {
            let words = options.words.filter { !$0.contains("=") }
            guard words.count == 1, let email = EmailAddress(words[0]) else {
                StandardError.write("anb: this command takes one account's e-mail address; settings are key=value")
                throw ExitCode(64)
            }
            try await OperatorSession.run(options) { session in
                guard try await session.operations.revokeTokens(of: email) else {
                    StandardError.write("anb: there is no account with the e-mail address \(email)")
                    throw OperatorExit.negative
                }
                try options.show(
                    .object(["revoked": .text(email.text)]), text: "the tokens of \(email) are void")
            }
        }
    }
}
