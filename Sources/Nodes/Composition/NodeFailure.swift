/// Why a node does not run (any longer): one sentence and the exit code of sysexits.h that belongs to it.
package struct NodeFailure: Error, CustomStringConvertible {
    package let description: String
    package let exitCode: Int32

    /// The command line or the configuration is wrong.
    package static func usage(_ text: String) -> Self { Self(description: text, exitCode: 64) }
    /// What the node needs is not there.
    package static func start(_ text: String) -> Self { Self(description: text, exitCode: 1) }
}
