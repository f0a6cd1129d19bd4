/// The contest's rules about what a clip must be, applied to what the probe found.
package struct UploadPolicy: Sendable {
    package let contest: ContestPolicy

    package init(contest: ContestPolicy) {
        self.contest = contest
    }

    /// - Throws: the first rule that the clip breaks.
    package func check(_ media: MediaDescription) throws(FailureReason) {
        let (pixels, overflow) = media.width.multipliedReportingOverflow(by: media.height)
        if overflow || pixels > contest.maximumPixels {
            throw .tooManyPixels(width: media.width, height: media.height, maximum: contest.maximumPixels)
        }
        let lines = min(media.width, media.height)
        if lines < contest.minimumLines { throw .tooFewLines(height: lines, minimum: contest.minimumLines) }
        if media.streams > contest.maximumStreams {
            throw .tooManyStreams(count: media.streams, maximum: contest.maximumStreams)
        }
        if let rate = media.frameRate, rate > Double(contest.maximumFrameRate) {
            throw .frameRateTooHigh(rate: rate, maximum: contest.maximumFrameRate)
        }
        // A browser's recording has no duration in its header; the transcode decides about it.
        guard let duration = media.duration else { return }
        if duration < contest.minimumDuration {
            throw .tooShort(seconds: duration.inSeconds, minimum: contest.minimumDuration.inSeconds)
        }
        if duration > contest.maximumDuration {
            throw .tooLong(seconds: duration.inSeconds, maximum: contest.maximumDuration.inSeconds)
        }
    }
}

/// The title of a video: 1 to 200 characters, not only white space.
package struct VideoTitle: Sendable, Equatable {
    package static let maximumLength = 200

    package let text: String

    package enum Refusal: Error, Sendable, Equatable {
        case blank, tooLong
    }

    /// Control characters are left out: no client shows them, and PostgreSQL's text takes no U+0000.
    package init(_ text: String) throws(Refusal) {
        let printable = String(text.unicodeScalars.filter { $0.properties.generalCategory != .control })
        let trimmed = printable.drop(while: \.isWhitespace)
        guard let last = trimmed.lastIndex(where: { !$0.isWhitespace }) else { throw .blank }
        let title = trimmed[...last]
        guard title.count <= Self.maximumLength else { throw .tooLong }
        self.text = String(title)
    }
}
