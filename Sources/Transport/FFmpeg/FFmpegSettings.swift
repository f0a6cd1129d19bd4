/// What the kernel lets one ffmpeg or ffprobe use (`prlimit(1)`); beyond it the process dies.
package struct ProcessLimits: Sendable, Equatable {
    /// CPU time, user and system, of all threads.
    package var cpuSeconds: Int
    /// Virtual memory, much of which is never touched: well above the resident size that is expected.
    package var addressSpaceBytes: Int64
    /// The largest file that may be written.
    package var fileBytes: Int64
    package var openFiles: Int

    package init(cpuSeconds: Int, addressSpaceBytes: Int64, fileBytes: Int64, openFiles: Int) {
        self.cpuSeconds = cpuSeconds
        self.addressSpaceBytes = addressSpaceBytes
        self.fileBytes = fileBytes
        self.openFiles = openFiles
    }
}

package struct FFmpegSettings: Sendable, Equatable {
    /// The kinds of sandbox that may be used; the best that the machine allows is.
    package var sandboxes = MediaSandbox.Form.allCases
    /// Absolute paths; nil means the first of that name in `PATH`.
    package var ffmpegPath: String?
    package var ffprobePath: String?
    /// Where `DejaVuSans-Bold.ttf` lies; used for the built-in intro, outro and watermark.
    package var fontDirectory: String
    /// Threads of the decoder, the filters and the encoder of one clip. One a clip and several clips at once use
    /// less CPU than the reverse.
    package var threads: Int
    /// x264's constant rate factor, 0 (lossless) to 51.
    package var rateFactor: Int
    /// Width × height beyond which a frame is not decoded.
    package var maximumPixels: Int
    package var probeLimits: ProcessLimits
    package var probeDeadline: Duration
    package var encodeLimits: ProcessLimits
    /// For each ffmpeg run of a clip.
    package var encodeDeadline: Duration

    package init(
        ffmpegPath: String? = nil,
        ffprobePath: String? = nil,
        fontDirectory: String = "/usr/share/fonts/truetype/dejavu",
        threads: Int = 1,
        rateFactor: Int = 28,
        maximumPixels: Int = 33_177_600,
        probeLimits: ProcessLimits = ProcessLimits(
            cpuSeconds: 20, addressSpaceBytes: 3_000_000_000, fileBytes: 1_000_000, openFiles: 64),
        probeDeadline: Duration = .seconds(20),
        encodeLimits: ProcessLimits = ProcessLimits(
            cpuSeconds: 1800, addressSpaceBytes: 6_000_000_000, fileBytes: 400_000_000, openFiles: 64),
        encodeDeadline: Duration = .seconds(1800)
    ) {
        self.ffmpegPath = ffmpegPath
        self.ffprobePath = ffprobePath
        self.fontDirectory = fontDirectory
        self.threads = threads
        self.rateFactor = rateFactor
        self.maximumPixels = maximumPixels
        self.probeLimits = probeLimits
        self.probeDeadline = probeDeadline
        self.encodeLimits = encodeLimits
        self.encodeDeadline = encodeDeadline
    }
}
