import Glibc

/// A system call that failed: which one, on what, and errno.
package struct SystemCallError: Error, Equatable, CustomStringConvertible {
    package let call: String
    package let subject: String
    package let code: CInt

    /// Takes `errno` unless a code is given, so it must be made right after the failed call.
    init(_ call: String, _ subject: String, code: CInt = errno) {
        self.call = call
        self.subject = subject
        self.code = code
    }

    package var description: String {
        "\(call) \(subject): \(String(cString: strerror(code)))"
    }
}
