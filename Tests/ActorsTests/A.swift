import Actors
import Testing
