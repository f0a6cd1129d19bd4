import Actors
import FoundationEssentials

/// Says what an uploaded file is, by its content, with a bounded ffprobe.
package struct FFprobeMediaProbe: MediaProbe {
    private let tools: FFmpegTools
    private static let maximumReportBytes = 262_144
    /// Pictures this many times too large are still measured, so that the player hears the true reason.
    private static let pixelAllowance = 4

    package init(tools: FFmpegTools) {
        self.tools = tools
    }

    package func probe(_ file: LocalFile) async throws(MediaProbeError) -> MediaDescription {
        let source = try await inspect(file)
        return MediaDescription(
            container: source.container, width: source.width, height: source.height, duration: source.duration,
            frameRate: source.frameRate, streams: source.streams)
    }

    /// What the transcoder needs beside the description.
    struct Source: Sendable, Equatable {
        let container: MediaContainer
        let width: Int
        let height: Int
        /// The container's length.
        let duration: Duration?
        /// The picture's own length, as far as known.
        let pictureDuration: Duration?
        /// The index of the picture's stream.
        let stream: Int
        let traits: PictureTraits
        let frameRate: Double?
        let streams: Int

        /// Of the clip that is made of it.
        var rate: ClipRate { ClipRate(of: frameRate) }
    }

    func inspect(_ file: LocalFile) async throws(MediaProbeError) -> Source {
        guard let head = ContainerSignature.head(of: file) else { throw .unavailable("the file cannot be opened") }
        guard let signature = ContainerSignature(head: head) else { throw .notAVideo }
        let report = try await report(file)
        guard let picture = report.picture else { throw .notAVideo }
        guard picture.isPlayable else { throw .corrupt }
        guard let codec = picture.codecName, ClipFormat.codecs.contains(codec) else {
            throw .unsupportedCodec(picture.codecName ?? "?")
        }
        let container = signature.container(majorBrand: report.format?.tags?["major_brand"])
        let size = picture.shownSize
        let whole = report.duration(in: container)
        // A Matroska DURATION tag counts from zero like the container's own.
        let own = container == .mkv || container == .webm ? nil : picture.ownDuration
        return Source(
            container: container, width: size.width, height: size.height, duration: whole,
            pictureDuration: own ?? whole, stream: picture.index, traits: picture.traits,
            frameRate: picture.frameRate(in: container), streams: report.streams?.count ?? 0)
    }

    /// The report of a file whose signature is that of an accepted container: what ffprobe cannot read is damaged.
    package func report(_ file: LocalFile) async throws(MediaProbeError) -> ProbeReport {
        let settings = tools.settings
        let command = MediaCommand(
            executable: tools.ffprobe,
            arguments: ["-v", "error"] + ClipFormat.hostileInput + [
                "-max_pixels", "\(settings.maximumPixels * Self.pixelAllowance)", "-print_format", "json",
                "-show_data_hash", "md5",
                "-show_entries", ProbeReport.entries, "-i", ClipFormat.url(file),
            ],
            limits: settings.probeLimits, files: VisibleFiles(readable: [file.path]), deadline: settings.probeDeadline)
        do {
            let (result, output) = try await command.collect(in: tools.sandbox, limitBytes: Self.maximumReportBytes)
            switch result.ending {
            case .killed(let signal): throw MediaProbeError.unavailable("ffprobe was killed by signal \(signal)")
            case .exited(0): break
            case .exited: throw MediaProbeError.corrupt
            }
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            guard let report = try? decoder.decode(ProbeReport.self, from: Data(output)) else {
                throw MediaProbeError.corrupt
            }
            return report
        } catch let error as MediaProbeError {
            throw error
        } catch MediaCommandError.outputTooLong {
            throw .corrupt
        } catch {
            throw .unavailable("ffprobe: \(error)")
        }
    }
}
