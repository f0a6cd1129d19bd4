import Glibc

/// The end of a process whose threads may still be at work.
enum ProcessEnd {
    /// Flushes the standard streams and ends the process, without the handlers that `exit` would run.
    ///
    /// Those of a library pull the ground from under threads that are alive: OpenSSL's frees its tables while a
    /// connection's thread still says goodbye, and a command that has done its work dies by a signal, once in a while.
    static func exit(_ code: Int32) -> Never {
        fflush(nil)
        _exit(code)
    }
}
